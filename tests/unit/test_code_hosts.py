"""What GitHub, GitLab and code scanning are told: places, fingerprints, workflow commands."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from pytest_freezecheck.gate.github import _append
from pytest_freezecheck.report import github, gitlab, markdown, sarif
from pytest_freezecheck.report.causes import CAUSES
from pytest_freezecheck.report.kinds import report
from pytest_freezecheck.report.problems import fingerprints, located, problems
from pytest_freezecheck.report.repository import folder_in_repository
from pytest_freezecheck.result.agreement import Agreement
from pytest_freezecheck.result.findings import Blamed, Explanation
from pytest_freezecheck.result.reasons import REASONS
from tests.kit.reports import BITING, document, error, failed, passed, skipped

SARIF = json.loads(
    (Path(__file__).parents[1] / "data/sarif/sarif-2.1.0-rtm.5.json").read_text("utf-8")
)
_VALIDATOR = jsonschema.Draft4Validator(SARIF, format_checker=jsonschema.FormatChecker())
_COMMAND = re.compile(r"::error (?P<properties>[^:]*(?::(?!:)[^:]*)*)::(?P<message>[^\r\n]*)")
SUSPECTED = Explanation((Blamed("dropout", (), "it is computed from the random r", proven=False),))


def log(*results: Agreement, **run: Any) -> Any:
    """Return the only run of a log, after it was held against the schema of SARIF."""
    found = json.loads(sarif.render(document(*results, **run)))
    _VALIDATOR.validate(found)
    assert found["version"] == "2.1.0"
    (run,) = found["runs"]
    return run


def quality(*results: Agreement) -> Any:
    """Return the entries for GitLab, after they were held against what it documents."""
    found = json.loads(gitlab.render(document(*results)))
    for entry in found:
        assert set(entry) == {"description", "check_name", "fingerprint", "severity", "location"}
        assert entry["severity"] in ("info", "minor", "major", "critical", "blocker")
        assert re.fullmatch("[0-9a-f]{64}", entry["fingerprint"])
        assert set(entry["location"]) == {"path", "lines"}
        assert not entry["location"]["path"].startswith(("/", "./"))
        assert entry["location"]["lines"]["begin"] >= 1
    return found


def unescaped(text: str) -> str:
    """As the runner of GitHub reads a property; of a message the first three."""
    for escaped, meant in (("%3A", ":"), ("%2C", ","), ("%0D", "\r"), ("%0A", "\n"), ("%25", "%")):
        text = text.replace(escaped, meant)
    return text


def command(line: str) -> tuple[dict[str, str], str]:
    """Return properties and message of a workflow command, as the runner reads it."""
    found = _COMMAND.fullmatch(line)
    assert found, line
    pairs = (pair.split("=", 1) for pair in found["properties"].split(","))
    return {key: unescaped(value) for key, value in pairs}, unescaped(found["message"])


# GitHub's workflow commands.


def test_a_problem_is_told_at_its_line() -> None:
    checks = document(passed(), failed(), error(), skipped())["checks"]
    assert list(map(command, github.commands(checks))) == [
        (
            {
                "file": "pyproject.toml",
                "line": "7",
                "title": "freezecheck: flowers, frozen.pb",
            },
            "averaged-statistics: 6 of 18 weights; answers 5.0e-01 apart",
        ),
        (
            {
                "file": "pyproject.toml",
                "line": "7",
                "title": "freezecheck: flowers, nowhere.pb",
            },
            "nowhere.pb: no such file",
        ),
    ]


@pytest.mark.parametrize("name", BITING)
def test_a_command_is_a_line_whatever_names_hold(name: str) -> None:
    check = failed(name, text=f"differs: 5%0A of {name}", declared_at={"file": name, "line": 3})
    (line,) = github.commands(document(check)["checks"])
    assert len(line.splitlines()) == 1
    properties, message = command(line)
    assert properties == {"file": name, "line": "3", "title": f"freezecheck: flowers, {name}"}
    assert message == f"differs: 5%0A of {name}".splitlines()[0]


def test_no_more_are_told_than_are_shown_and_the_last_counts_the_others() -> None:
    ten = [failed(f"{number:02}.pb") for number in range(10)]
    assert len(github.commands(document(*ten)["checks"])) == 10
    lines = github.commands(document(*ten, error("a.pb"), error("b.pb"))["checks"])
    assert len(lines) == 10
    assert command(lines[-1]) == (
        {"title": "freezecheck"},
        "3 more checks failed or could not be made: flowers, 09.pb, flowers, a.pb, flowers, b.pb",
    )


def test_a_run_that_fails_without_a_check_is_told_too() -> None:
    failures = ["nothing was compared: no model\n  to declare one: ..."]
    assert github.commands(document(skipped())["checks"], failures) == [
        "::error title=freezecheck::nothing was compared: no model"
    ]
    assert len(github.commands(document(failed())["checks"], failures)) == 1
    assert github.commands(document(passed(), status=0)["checks"]) == []


def test_without_a_place_there_is_none() -> None:
    (line,) = github.commands(document(failed(declared_at=None))["checks"])
    assert set(command(line)[0]) == {"title"}


def test_a_summary_is_filled_no_further_than_github_takes_it(tmp_path: Path) -> None:
    """GitHub drops the whole summary of a step that is too long."""
    many = document(
        *(failed(f"{number}.pb", text="differs\n" + "x" * 5000) for number in range(99))
    )
    for before in (0, 10, markdown.MOST - 50_000, markdown.MOST - 10_000):
        path = tmp_path / f"{before}.md"
        path.write_bytes(b"x" * before)
        _append(path, many, [])
        text = path.read_text("utf-8")
        assert text.startswith("x" * before + ("\n\n" if before else "## ❌"))
        assert len(text.encode()) <= markdown.MOST
        assert ("Cut here" in text) == (before > 10)


# GitLab's code quality.


def test_failures_and_errors_are_told_and_nothing_else() -> None:
    found = quality(passed(), failed(), error(), skipped())
    assert [(e["check_name"], e["severity"]) for e in found] == [
        ("averaged-statistics", "critical"),
        ("artifact", "major"),
    ]
    assert found[0]["location"] == {"path": "pyproject.toml", "lines": {"begin": 7}}
    assert found[0]["description"].startswith("flowers, frozen.pb: averaged-statistics: 6 of 18")
    assert quality(passed(), skipped()) == []


@pytest.mark.parametrize("name", BITING)
def test_names_are_kept(name: str) -> None:
    (entry,) = quality(failed(name))
    assert entry["description"].startswith(f"flowers, {name}: ")


def test_of_what_has_no_place_the_file_of_declarations_is_named() -> None:
    (entry,) = quality(failed(declared_at=None))
    assert entry["location"] == {"path": "pyproject.toml", "lines": {"begin": 1}}


# Fingerprints.


def _print_of(result: Agreement) -> str:
    return fingerprints(document(result)["checks"])[0]


def test_a_fingerprint_stays_with_what_is_wrong() -> None:
    first = _print_of(failed())
    moved = {"file": "pyproject.toml", "line": 99}
    assert first == _print_of(failed(declared_at=moved, max_abs_diff=0.1, text="other numbers"))
    assert first != _print_of(failed("other.pb"))
    assert first != _print_of(failed(model="birds"))
    assert first != _print_of(failed(reason="logits-differ"))
    assert first != _print_of(failed(explanation=SUSPECTED))


def test_no_two_of_a_run_are_alike() -> None:
    missing = [error("", model="", nodeid=f"test_it.py::test_{n}") for n in range(3)]
    checks = document(failed(), failed(), failed(), *missing)["checks"]
    assert len(set(fingerprints(checks))) == 6


# SARIF.


def test_a_log_is_valid_and_has_what_is_wrong() -> None:
    run = log(passed(), failed(), error(), skipped())
    assert [r["ruleId"] for r in run["results"]] == ["averaged-statistics", "artifact"]
    first = run["results"][0]
    assert first["level"] == "error"
    assert first["message"]["text"].startswith("flowers, frozen.pb: averaged-statistics: 6 of 18")
    assert "\nTo fix it: do not add moving_mean" in first["message"]["text"]
    (location,) = first["locations"]
    assert location["physicalLocation"] == {
        "artifactLocation": {"uri": "pyproject.toml", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 7},
    }
    assert location["logicalLocations"][0]["fullyQualifiedName"].endswith("::frozen.pb")
    assert first["partialFingerprints"] == {"freezecheck/v1": _print_of(failed())}
    assert first["properties"]["max_abs_diff"] == 0.5
    assert run["invocations"] == [{"executionSuccessful": True, "exitCode": 1}]


def test_rules_are_the_causes_and_the_reasons() -> None:
    rules = log()["tool"]["driver"]["rules"]
    bad = {reason for reason, (outcome, *_) in REASONS.items() if outcome in ("failed", "error")}
    assert [rule["id"] for rule in rules] == list(dict.fromkeys(rule["id"] for rule in rules))
    assert {rule["id"] for rule in rules} == {*CAUSES, *bad}
    for reason in bad:
        result = failed(reason=reason, explanation=None)
        (found,) = log(result)["results"]
        assert rules[found["ruleIndex"]]["id"] == found["ruleId"] == reason


def test_a_suspicion_is_no_rule() -> None:
    (found,) = log(failed(explanation=SUSPECTED))["results"]
    assert found["ruleId"] == "differs"
    assert found["properties"]["cause"]["id"] == "dropout"
    assert "fix" not in found["message"]["text"]


@pytest.mark.parametrize("name", BITING)
def test_a_log_is_valid_whatever_names_hold(name: str) -> None:
    (found,) = log(failed(name, declared_at={"file": name, "line": 1}))["results"]
    assert found["properties"]["artifact"] == name
    uri = found["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert re.fullmatch(r"[A-Za-z0-9%/._~-]+", uri)


def test_a_run_that_was_interrupted_was_not_successful() -> None:
    assert not log(passed(), status=2, interrupted=True)["invocations"][0]["executionSuccessful"]


def test_the_schema_refuses_what_is_none() -> None:
    with pytest.raises(jsonschema.ValidationError):
        _VALIDATOR.validate({"version": "2.1.0", "runs": [{"results": []}]})


# Places in the repository.


@pytest.mark.parametrize(
    ("folder", "file", "seen"),
    [
        (".", "pyproject.toml", "pyproject.toml"),
        ("ml/flowers", "pyproject.toml", "ml/flowers/pyproject.toml"),
        ("ml/flowers", "../pyproject.toml", "ml/pyproject.toml"),
        ("ml", "../../pyproject.toml", None),
        (".", "..", None),
        (".", "/elsewhere/conftest.py", None),
    ],
)
def test_places_are_seen_from_the_repository(folder: str, file: str, seen: str | None) -> None:
    run = document(failed(declared_at={"file": file, "line": 3}), passed(declared_at=None))
    moved, none = (check["declared_at"] for check in located(run, folder)["checks"])
    assert none is None
    assert moved == (None if seen is None else {"file": seen, "line": 3})
    assert problems(run["checks"])[0]["declared_at"]["file"] == file


def test_reports_for_hosts_have_places_of_the_repository(tmp_path: Path) -> None:
    for name in ("r.sarif", "r.gitlab.json", "r.json"):
        report(tmp_path / name, "ml").end(document(failed()))
    read = {path.name: json.loads(path.read_text("utf-8")) for path in tmp_path.iterdir()}
    assert read["r.gitlab.json"][0]["location"]["path"] == "ml/pyproject.toml"
    assert '"uri": "ml/pyproject.toml"' in (tmp_path / "r.sarif").read_text("utf-8")
    assert read["r.json"]["checks"][0]["declared_at"]["file"] == "pyproject.toml"


def test_the_root_of_the_repository_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "repository" / "ml" / "flowers"
    root.mkdir(parents=True)
    assert folder_in_repository(root) == "."
    (tmp_path / "repository" / ".git").touch()  # a file, in a worktree
    assert folder_in_repository(root) == "ml/flowers"
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path / "elsewhere"))
    assert folder_in_repository(root) == "ml/flowers"
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    assert folder_in_repository(root) == "repository/ml/flowers"
    monkeypatch.setenv("GITHUB_WORKSPACE", "")
    monkeypatch.setenv("CI_PROJECT_DIR", str(root))
    assert folder_in_repository(root) == "."
