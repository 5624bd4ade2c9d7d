import pytest

from tests.drills.drilled import finds


@pytest.mark.whole
def test_it_finds_that_the_view_was_not_rebuilt() -> None:
    assert finds("view-lost", "not-rebuilt")
