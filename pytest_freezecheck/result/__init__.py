"""What a check came to, as plain data."""
