"""The command `freezecheck`: checks, repairs and reports without pytest."""
