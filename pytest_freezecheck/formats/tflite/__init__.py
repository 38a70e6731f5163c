"""TFLite files: run, converted, and read as computations."""
