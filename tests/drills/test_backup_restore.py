import pytest

from tests.drills.drilled import finds


@pytest.mark.whole
def test_it_finds_that_a_context_s_rows_are_not_put_back() -> None:
    assert finds("backup-restore", "installations-lost")


@pytest.mark.whole
def test_it_finds_that_numbers_of_events_are_used_again() -> None:
    assert finds("backup-restore", "reused")
