"""The ways to freeze, in the groups that the tests need. Imports nothing that is optional."""

from __future__ import annotations

from pytest_freezecheck import available_ways
from pytest_freezecheck.formats import WAYS, find_way, format_of

#: One way for each exact loader: what is of no format in particular is tried on these.
CLASSIC = ("graph_def", "graph_def_v2", "freeze_graph", "saved_model", "saved_model_session")
#: Those that save a Keras model, which a slim network is not.
OF_KERAS = tuple(way for way in WAYS if format_of(way) == "keras")
#: All that can freeze a slim network here, by what is installed.
HERE = tuple(way for way in available_ways() if way not in OF_KERAS)
EXACT = tuple(way for way in HERE if find_way(way).bit_exact)
LOSSY = tuple(way for way in HERE if find_way(way).tolerances)
ROUNDING = tuple(way for way in HERE if way not in EXACT + LOSSY)
#: How many checks of the reference model are skipped here.
SKIPPED = len(WAYS) - len(HERE)
