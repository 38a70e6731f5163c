"""Arrays compared: differences, row by row, and what they may be apart."""
