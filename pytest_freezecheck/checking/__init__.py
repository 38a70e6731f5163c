"""One check: a live model and an artifact in, a result out."""
