import logging

import pytest

from observability.log_limit import MOST_LINES, LineLimit


def test_a_logger_writes_so_many_lines_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    time = 1000.0
    logger = logging.getLogger("tests.flooded")
    logger.addFilter(LineLimit(lambda: time))
    for minute in range(2):
        time = 1000.0 + 60 * minute
        for _ in range(MOST_LINES + 7):
            logger.warning("refused")
        logger.error("failed")

    assert caplog.messages.count("refused") == 2 * MOST_LINES
    assert caplog.messages.count("failed") == 2
    assert caplog.messages.count("7 lines of tests.flooded were left out") == 1
