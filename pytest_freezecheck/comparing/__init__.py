"""One comparison of an artifact with the live model, from its inputs to its evidence."""
