"""How long the console waits for what the API says of itself."""

from console import availability
from observability import health


def test_readiness_of_the_console_waits_longer_than_its_pages(impatient: None) -> None:
    # Otherwise an API that takes its time would be said to be down.
    assert availability._PAGES_WAIT <= health._CHECK_WITHIN / 2
