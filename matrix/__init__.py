"""The test matrix: its cells, and the table of what they did."""
