"""A mended copy of a file whose mistake is proven, written to disk."""
