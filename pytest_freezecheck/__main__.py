"""`python -m pytest_freezecheck`: the command `freezecheck`."""

from __future__ import annotations

from pytest_freezecheck.command.main import run

if __name__ == "__main__":
    run()
