"""What the cells of the test matrix did, and the table of it in `docs/compatibility.md`.

`noxfile.py` runs the cells and keeps one record of each in `matrix/records/`, of which the table
is written: where one cell is run again, the others stay as they are. Needs neither nox nor
TensorFlow.
"""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from matrix.cells import CELLS

ROOT = Path(__file__).parents[1]
#: What the tools write while a cell runs.
RESULTS = ROOT / "build" / "compatibility"
RECORDS = ROOT / "matrix" / "records"
PAGE = ROOT / "docs" / "compatibility.md"
BEGIN = "<!-- matrix: begin; `nox -s table` writes what follows -->"
END = "<!-- matrix: end -->"
#: Packages whose versions the page shows: in the row of a cell, and in the table below.
HEAD = ("python", "pytest", "tensorflow")
SHOWN = (
    "numpy",
    "protobuf",
    "tf-keras",
    "tf-slim",
    "hypothesis",
    "ai-edge-litert",
    "tf2onnx",
    "onnx",
    "onnxruntime",
    "openvino",
    "keras",
)


# What a cell did.


def tests_of(path: Path) -> dict[str, Any]:
    """Return what a JUnit XML of pytest says: how many tests did what, why some were skipped."""
    (suite,) = ET.parse(path).getroot().iter("testsuite")  # noqa: S314 - written by our own pytest
    outcomes = Counter(passed=0, failed=0, skipped=0, xfailed=0)
    reasons: Counter[str] = Counter()
    for case in suite.iter("testcase"):
        skipped = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            outcomes["failed"] += 1
        elif skipped is None:
            outcomes["passed"] += 1
        elif skipped.get("type") == "pytest.xfail":
            outcomes["xfailed"] += 1
        else:
            outcomes["skipped"] += 1
            reasons[skipped.get("message", "")] += 1
    return {**outcomes, "seconds": float(suite.get("time", 0)), "skips": dict(reasons)}


def gate_of(path: Path) -> dict[str, Any]:
    """Return what a report of `pytest --freezecheck` says: verdicts, largest differences.

    Ways that give up precision on purpose have a largest difference of their own.
    """
    checks = json.loads(path.read_text("utf-8"))["checks"]
    differences: dict[str, float] = {}
    for check in checks:
        if check["outcome"] == "passed":
            kind = f"{check['format']}{', lossy' if check.get('lossy') else ''}"
            differences[kind] = max(differences.get(kind, 0.0), check["max_abs_diff"])
    outcomes = Counter(check["outcome"] for check in checks)
    reasons: dict[str, list[str]] = {}
    for check in checks:
        if check["outcome"] == "skipped":
            way = check["artifact"]
            reasons.setdefault(check["message"].removeprefix(f"{way} "), []).append(f"`{way}`")
    return {
        **{name: outcomes[name] for name in ("passed", "failed", "error", "skipped")},
        "differences": dict(sorted(differences.items())),
        "skips": {f"{', '.join(ways)}: {why}": len(ways) for why, ways in reasons.items()},
    }


def reason(output: str) -> str:
    """Return what pip or uv says about why it found no solution, as one line."""
    uv = re.search(r"(?:cause:|╰─▶)(.*?)(?:\n\s*\n|\nhint:|\Z)", output, re.S)
    pip = re.search(r"The conflict is caused by:\n(.*?)\n\s*\n", output, re.S)
    errors = [line for line in output.splitlines() if re.match(r"(ERROR|error)\b", line)]
    said = uv[1] if uv else pip[1].replace("\n", ";") if pip else " ".join(errors) or output
    # An installer names the folder of a local package, which says nothing elsewhere.
    said = re.sub(r"( @ |\()file://[^\s)]+\)?", "", said).replace(f"{ROOT}/", "")
    said = " ".join(said.split())
    # uv goes on to what follows from that, package by package.
    return said.partition(", we can conclude that")[0].removeprefix("Because ")


def save(record: Mapping[str, Any]) -> None:
    """Keep the record of a cell, with the versions that the page shows."""
    versions = record["versions"]
    shown = {name: versions[name] for name in sorted(versions) if name in (*HEAD, *SHOWN)}
    record = {**record, "versions": shown}
    RECORDS.mkdir(exist_ok=True)
    text = json.dumps(record, indent=2, ensure_ascii=False)
    record_of(record["cell"]).write_text(f"{text}\n", encoding="utf-8")


def record_of(name: str) -> Path:
    """Return the path of a cell's record."""
    return RECORDS / f"{name}.json"


# The table.


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _table(head: tuple[str, ...], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    yield _row(head)
    yield f"|{'---|' * len(head)}"
    yield from map(_row, rows)
    yield ""


def _counts(counted: Mapping[str, Any], words: Mapping[str, str]) -> str:
    """Return counts in words, the first one also if it is 0."""
    first = next(iter(words))
    shown = [f"{counted[key]} {w}" for key, w in words.items() if counted[key] or key == first]
    return ", ".join(shown)


def _result(record: Mapping[str, Any]) -> Iterator[str]:
    yield record["tensorflow"]
    yield record["versions"].get("python", record["python"])
    yield record["versions"].get("pytest", "-")
    installed = ", ".join(record["extras"]) or "core"
    yield (
        f"{installed}; in the lowest version: {', '.join(record['floors'])}"
        if record["floors"]
        else installed
    )
    tested, gated = record["tests"], record["gate"]
    words = {"passed": "passed", "failed": "FAILED", "skipped": "skipped", "xfailed": "xfailed"}
    yield _counts(tested, words) if tested else "-"
    yield f"{tested['seconds']:.0f}" if tested else "-"
    words = {"passed": "agree", "failed": "DIFFER", "error": "ERROR", "skipped": "skipped"}
    yield _counts(gated, words) if gated else "-"
    differences = gated["differences"] if gated else {}
    yield "; ".join(f"{k} {v:.1e}" if v else f"{k} 0" for k, v in differences.items()) or "-"
    yield f"FAILED: {record['failure']}" if record["failure"] else "passed"


def block(records: list[Mapping[str, Any]], missing: list[str]) -> str:
    """Return what stands between the markers of the page.

    Args:
        records: those of the cells that were run, in the order of the matrix.
        missing: names of the cells that were not.
    """
    lines = []
    if records:
        days = sorted({record["date"] for record in records})
        commits = sorted({record["commit"] for record in records})
        failed = sum(1 for record in records if record["failure"])
        lines += [
            f"{len(records)} of {len(records) + len(missing)} cells were run, "
            f"{' to '.join(dict.fromkeys((days[0], days[-1])))}, of commit {', '.join(commits)}; "
            f"{failed or 'none'} failed.",
            "",
        ]
        head = ("TensorFlow", "Python", "pytest", "installed", "tests", "seconds")
        more = ("`pytest --freezecheck`", "largest difference, by format", "verdict")
        lines += _table((*head, *more), map(_result, records))
        lines += ["Versions of what else was installed:", ""]
        lines += _table(
            ("cell", *SHOWN),
            (
                (f"`{r['cell']}`", *(r["versions"].get(name, "-") for name in SHOWN))
                for r in records
            ),
        )
    lines += _list("Extras that could not be installed", _refusals(records))
    lines += _list("Tests that were skipped", _skips(records, "tests"))
    lines += _list("Ways that `pytest --freezecheck` skipped", _skips(records, "gate"))
    lines += _list("Cells that were not run", [", ".join(f"`{name}`" for name in missing)])
    return "\n".join(lines)


def _list(title: str, entries: Iterable[str]) -> Iterator[str]:
    filled = [f"- {' '.join(entry.split())}" for entry in entries if entry]
    if filled:
        yield from (f"{title}:", "", *filled, "")


def _refusals(records: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return one entry for each TensorFlow, Python and extra that do not go together."""
    return [
        f"`{extra}` in `{record['cell']}`: {why}"
        for record in records
        for extra, why in record["refused"].items()
    ]


def _skips(records: Iterable[Mapping[str, Any]], part: str) -> list[str]:
    """Return one entry for each reason, with the cells that gave it."""
    said: dict[str, list[str]] = {}
    for record in records:
        for why, count in (record[part] or {"skips": {}})["skips"].items():
            said.setdefault(why, []).append(f"{count} in `{record['cell']}`")
    return [f"{why}: {', '.join(cells)}" for why, cells in said.items()]


def write_page() -> None:
    """Write the table into the page, of the records that there are."""
    records, missing = [], []
    for cell in CELLS:
        path = record_of(cell.name)
        if path.exists():
            records.append(json.loads(path.read_text("utf-8")))
        else:
            missing.append(cell.name)
    before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    text = f"{before}{BEGIN}\n\n{block(records, missing)}\n{END}{after}"
    PAGE.write_text(text, encoding="utf-8")
