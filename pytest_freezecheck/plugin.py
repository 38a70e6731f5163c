"""What pytest loads: options, settings, marker and fixtures; it arms the gate on request.

Imports nothing but pytest at load time, and nothing more in a run that is not armed, which the
tests in `tests/load` hold. PYTEST_DONT_REWRITE: there is no assert here to explain.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_freezecheck.formats import FrozenModel
    from pytest_freezecheck.models.live import LiveModel
    from pytest_freezecheck.result.agreement import Agreement

GATE = "freezecheck-gate"
_FIXTURES = frozenset({"freezecheck", "freezecheck_live_model", "freezecheck_frozen_model"})
_MARKER = (
    "freezecheck(*, atol=None, examples=None, seed=None, exact=None, logit_rtol=None, "
    "min_power=None, require=None): "
    "this test compares a frozen with a live model; it is skipped without --freezecheck, its "
    "settings override the run's, and it fails if it compared nothing."
)

#: Settings of the process that declared checks run in; they have no options.
_OF_THE_RUNNER: tuple[tuple[str, Any, str], ...] = (
    (
        "freezecheck_isolation",
        "string",
        "Where declared checks run: process, one of their own, or none, pytest's (default: "
        "process; none with --pdb and --trace)",
    ),
    (
        "freezecheck_timeout",
        "float",
        "Seconds that a check may take in that process (default: 120, or more for slow models)",
    ),
    (
        "freezecheck_memory",
        "string",
        "Memory that the process may take, such as '8 GB' (default: what is free, but for 1 GB)",
    ),
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add our options, each with a setting of the same name in pytest's own configuration."""
    group = parser.getgroup("freezecheck", "frozen models against the live model (freezecheck)")

    def both(name: str, kind: Any, help_text: str, **option: Any) -> None:
        dest = name.replace("-", "_")
        group.addoption(f"--{name}", dest=dest, default=None, help=help_text, **option)
        parser.addini(dest, type=kind, help=help_text, default=None)

    both(
        "freezecheck",
        "bool",
        "Arm the gate: check every frozen model against its live model (default: off)",
        action="store_true",
    )
    both(
        "freezecheck-atol",
        "float",
        "Largest absolute difference allowed in any probability (default: 1e-05)",
        metavar="X",
    )
    both(
        "freezecheck-examples",
        "int",
        "Hypothesis examples for each artifact (default: 100)",
        metavar="N",
    )
    both(
        "freezecheck-seed",
        "string",
        "Seed of everything drawn, or 'random' (default: 0)",
        metavar="N|random",
    )
    both(
        "freezecheck-report",
        "args",
        "Write the results to PATH, whose ending says what: "
        ".json, "
        ".jsonl (lines), "
        ".html (a page), "
        ".md (Markdown), "
        ".sarif, "
        ".gitlab.json (code quality); "
        "repeatable (default: none)",
        action="append",
        metavar="PATH",
    )
    both(
        "freezecheck-min-power",
        "float",
        "Fail a check whose inputs catch less than this share of planted mistakes (default: 0)",
        metavar="P",
    )
    both(
        "freezecheck-require",
        "string",
        "What a check needs to pass: agreement of answers, or proof that both sides compute the "
        "same (default: agreement)",
        metavar="agreement|proof",
    )
    both(
        "freezecheck-cache",
        "string",
        "Keep in FOLDER what live models say, for later runs with the same model (default: none)",
        metavar="FOLDER",
    )
    group.addoption(
        "--freezecheck-replay",
        dest="freezecheck_replay",
        default=None,
        metavar="FILE",
        help="Run only a failing input that an earlier run saved",
    )
    parser.addini(
        "freezecheck_exact",
        type="bool",
        default=None,
        help="Fail what TensorFlow itself runs unless it is bit-identical (default: false)",
    )
    for name, kind, help_text in _OF_THE_RUNNER:
        parser.addini(name, type=kind, default=None, help=help_text)


class _Hooks:
    """Hooks of ours that a conftest.py can implement."""

    def pytest_freezecheck_models(self) -> Any:
        """Return a list of `pytest_freezecheck.Model`, beside those of pyproject.toml."""

    def pytest_freezecheck_formats(self) -> Any:
        """Return a list of `pytest_freezecheck.Format`, beside ours; asked first of a file."""


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Register our hooks, armed or not: pytest refuses hooks that it does not know."""
    pluginmanager.add_hookspecs(_Hooks)


def _value(config: pytest.Config, name: str) -> object:
    """Return the command line's value, else the configuration file's, else None."""
    given = config.getoption(name, None)
    return _ini(config, name) if given is None else given


def _ini(config: pytest.Config, name: str) -> object:
    try:
        return config.getini(name)
    except (TypeError, ValueError, pytest.UsageError) as error:
        # pytest's own text for .ini files is that of float() or int() and names no key.
        raise pytest.UsageError(
            f"{config.inipath or 'configuration'}: {name} has an unusable value: {error}"
        ) from None


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Register the marker; when armed, read the settings and register the gate."""
    config.addinivalue_line("markers", _MARKER)
    armed = bool(_value(config, "freezecheck"))
    typed = {
        name: config.getoption(f"freezecheck_{name}", None)
        for name in ("atol", "examples", "seed", "report", "min_power", "require", "cache")
    }
    replay = config.getoption("freezecheck_replay", None)
    if not armed and all(value is None for value in (*typed.values(), replay)):
        return
    from pytest_freezecheck.errors import SettingError
    from pytest_freezecheck.settings import Settings

    typed["reports"] = typed.pop("report")
    try:
        settings = Settings()
        if armed:
            written = {
                name: _ini(config, f"freezecheck_{name}")
                for name in ("atol", "examples", "seed", "exact", "min_power", "require", "cache")
            }
            for key, _, _ in _OF_THE_RUNNER:
                written[key.removeprefix("freezecheck_")] = _ini(config, key)
            written["reports"] = _ini(config, "freezecheck_report") or None
            settings = settings.override(
                written,
                str(config.inipath or "configuration"),
                of_a_run=True,
                names={
                    "reports": "freezecheck_report",
                    "cache": "freezecheck_cache",
                    **{key.removeprefix("freezecheck_"): key for key, _, _ in _OF_THE_RUNNER},
                },
            )
        option = {"reports": "--freezecheck-report", "cache": "--freezecheck-cache"}
        settings = settings.override(typed, "command line", of_a_run=True, names=option)
        if replay is not None and not armed:
            raise SettingError("--freezecheck-replay needs --freezecheck beside it")
    except SettingError as error:
        raise pytest.UsageError(f"freezecheck: {error}") from None
    if armed:
        from pytest_freezecheck.gate.hooks import Gate

        config.pluginmanager.register(Gate(config, settings, replay), GATE)


def _gate(config: pytest.Config) -> Any:
    return config.pluginmanager.get_plugin(GATE)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs the gate when it is not armed: never let it pass unchecked."""
    if _gate(item.config) is None and (
        item.get_closest_marker("freezecheck") is not None
        or _FIXTURES.intersection(getattr(item, "fixturenames", ()))
    ):
        pytest.skip("needs --freezecheck (or the setting freezecheck = true)")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give a test that uses `freezecheck_frozen_model` one run for each way of freezing."""
    if "freezecheck_frozen_model" in metafunc.fixturenames:
        from pytest_freezecheck import formats

        ways = formats.WAYS
        metafunc.parametrize("freezecheck_frozen_model", ways, indirect=True, scope="session")


@pytest.fixture(scope="session")
def freezecheck_live_model(request: pytest.FixtureRequest) -> LiveModel:
    """The live model: our trained reference model, unless a conftest.py overrides this."""
    model: LiveModel = _gate(request.config).model_cache.reference()
    return model


@pytest.fixture(scope="session")
def freezecheck_frozen_model(
    request: pytest.FixtureRequest,
    freezecheck_live_model: LiveModel,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[FrozenModel]:
    """The live model frozen and loaded again, once for each way of freezing."""
    from pytest_freezecheck.errors import FreezeError, UnavailableError
    from pytest_freezecheck.formats import freeze, load

    way: str = request.param
    directory = tmp_path_factory.mktemp(f"freezecheck-{way}")
    try:
        frozen = load(freeze(freezecheck_live_model, way, directory), way=way)
    except (FreezeError, UnavailableError) as error:
        pytest.skip(str(error))
    yield frozen
    frozen.close()


@pytest.fixture
def freezecheck() -> Callable[..., Agreement]:
    """`check(live, frozen_or_path, **options)` with this run's and this test's settings."""
    from pytest_freezecheck.checking.api import check

    return check
