"""What a recorded table of the bench says beside its figures."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bench import __main__ as command
from bench.report import Measurement
from harness import documents


async def _server_version() -> str:
    return "1.0"


async def _addresses(*, quick: bool) -> Measurement:
    return Measurement("Placing", [{"what": "words", "CPU µs": 57.2}])


@pytest.mark.usefixtures("processes")
async def test_a_recorded_table_says_on_which_day_it_was_measured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    page = tmp_path / "benchmarks.md"
    page.write_text("<!-- addresses -->\n<!-- /addresses -->\n")
    monkeypatch.setattr(documents, "BENCHMARKS", page)
    monkeypatch.setattr(command, "server_version", _server_version)

    before = datetime.now(UTC)
    await command.bench({"addresses": _addresses}, tmp_path / "latest.json", quick=False, record=True)

    days = {f"on {day:%Y-%m-%d};" for day in (before, datetime.now(UTC))}
    assert any(day in page.read_text() for day in days)
