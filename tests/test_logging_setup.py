import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from pydantic import TypeAdapter

from logging_setup import configure_logging
from settings import Settings


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Logging is one for the whole process."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def logged(capsys: pytest.CaptureFixture[str]) -> list[dict[str, str]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_each_event_is_one_line_of_json_from_the_libraries_too(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(Settings())

    structlog.get_logger("ours").info("order taken", order_id="one")
    logging.getLogger("theirs").warning("slow: %s", "a\nb")

    ours, theirs = logged(capsys)
    assert (ours["event"], ours["order_id"], ours["level"], ours["logger"]) == ("order taken", "one", "info", "ours")
    assert (theirs["event"], theirs["level"]) == ("slow: a\nb", "warning")
    assert ours["timestamp"].endswith("Z")


def test_what_is_less_severe_than_the_level_is_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(Settings(log_level="warning"))

    structlog.get_logger().info("unimportant")
    logging.getLogger("theirs").info("unimportant")

    assert logged(capsys) == []


def test_an_error_is_written_with_where_it_came_from(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(Settings())

    try:
        raise OSError("disk full")
    except OSError:
        structlog.get_logger().exception("failed")

    (line,) = logged(capsys)
    assert "test_logging_setup.py" in line["exception"]
    assert "OSError: disk full" in line["exception"]


def test_an_error_that_repeats_what_was_sent_is_written_without_its_text(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(Settings())
    sent = {"customerName": "PERSONAL"}

    try:
        try:
            TypeAdapter(int).validate_python(sent)
        except ValueError as error:
            raise RuntimeError("cannot go on") from error
    except RuntimeError:
        logging.getLogger("theirs").exception("failed")

    (line,) = logged(capsys)
    assert "PERSONAL" not in json.dumps(line)
    assert "RuntimeError" in line["exception"]
