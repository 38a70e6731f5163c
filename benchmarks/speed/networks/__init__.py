"""Networks as a repository has them: each of these files is copied into one, as `net.py`."""
