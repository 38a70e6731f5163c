"""What the gate costs, in time and memory, beside the least that anyone could do.

`python -m benchmarks.speed`
"""
