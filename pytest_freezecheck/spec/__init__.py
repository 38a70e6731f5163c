"""What a model takes and answers, as a repository declares it."""

from pytest_freezecheck.spec.inputs import InputSpec
from pytest_freezecheck.spec.outputs import OutputSpec

__all__ = ["InputSpec", "OutputSpec"]
