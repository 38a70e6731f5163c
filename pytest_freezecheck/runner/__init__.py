"""The process that declared checks run in, and pytest's side of it."""
