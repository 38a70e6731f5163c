"""pytest's side: what an armed run collects, makes and says."""
