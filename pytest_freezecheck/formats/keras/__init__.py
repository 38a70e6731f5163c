"""Keras archives (`.keras`)."""
