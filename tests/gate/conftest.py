"""Runs of pytest inside of these tests find the reference model trained."""

from tests.kit.trained_once import pytester

__all__ = ["pytester"]
