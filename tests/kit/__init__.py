"""Networks, faults and helpers that tests and benchmarks share."""
