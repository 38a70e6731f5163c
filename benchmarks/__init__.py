"""Measurements of the gate: plain scripts, run from the root of the repository."""

import os

# Read when TensorFlow is imported: its start-up lines would stand between those of a table.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
