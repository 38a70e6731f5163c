"""What is run beside the gate: each of these files is copied beside a `net.py`."""
