"""OpenVINO's files: run, converted, and read as computations."""
