"""The file that keeps heads of the audit chain outside of its database."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from domain.audit import Head
from stores.audit import heads
from stores.audit.heads import HeadsFile

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)


def head(number: int) -> Head:
    return Head(number, f"{number:064x}")


def test_heads_are_kept_for_their_owner_alone_and_read_back(tmp_path: Path) -> None:
    file = HeadsFile(tmp_path / "heads")
    assert file.heads() == []

    file.keep(head(1), NOON)
    file.keep(head(7), NOON)

    assert file.heads() == [head(1), head(7)]
    assert (tmp_path / "heads").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "heads").read_text().startswith("2026-07-01T12:00:00Z 1:0")


def test_the_file_stays_small_and_keeps_heads_of_all_times(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heads, "MOST", 8)
    file = HeadsFile(tmp_path / "heads")
    longest = 0
    for number in range(1, 101):
        file.keep(head(number), NOON)
        longest = max(longest, len(file.heads()))

    kept = [each.sequence for each in file.heads()]
    assert longest <= 8
    assert kept[0] == 1
    assert kept[-3:] == [98, 99, 100]
    assert [path.name for path in tmp_path.iterdir()] == ["heads"]


def test_what_is_no_head_is_not_taken_for_one(tmp_path: Path) -> None:
    (tmp_path / "heads").write_text("2026-07-01T12:00:00Z 1:short\n")

    with pytest.raises(ValueError, match="SEQUENCE:HASH"):
        HeadsFile(tmp_path / "heads").heads()
