"""What the readers of computations share."""
