"""What a model computes, as an expression: read from a file, brought to a normal form, compared."""
