"""What an armed run imports is imported here once.

An in-process run of pytest inside a test drops the modules that it imported, and the package would
go on handing out classes of the dropped ones.
"""

import hypothesis.internal.observability  # noqa: F401 - its plugin imports it at every end
import numpy  # noqa: F401

import pytest_freezecheck.gate  # noqa: F401
