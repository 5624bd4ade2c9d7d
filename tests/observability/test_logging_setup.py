import asyncio
import json
import logging
import signal
from collections.abc import Iterator
from dataclasses import replace

import pytest
import structlog
from opentelemetry import trace
from pydantic import TypeAdapter
from temporalio.testing import ActivityEnvironment

from observability.log_limit import MOST_LINES
from observability.logging_setup import LIMITED, change_level_by_signal, configure_logging
from observability.task_context import add_order_of_task
from runtime.settings import Settings


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Restore the configuration of logging, which is global to the process."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    filters = {name: logging.getLogger(name).filters[:] for name in LIMITED}
    yield
    for name in LIMITED:
        logging.getLogger(name).filters = filters[name]
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


def test_the_level_changes_while_the_process_runs(capsys: pytest.CaptureFixture[str]) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGUSR1, signal.SIGUSR2)]
    configure_logging(Settings(log_level="warning"))
    change_level_by_signal(Settings(log_level="warning"))
    log = structlog.get_logger("ours")
    try:
        log.debug("before")
        signal.raise_signal(signal.SIGUSR1)
        log.debug("meanwhile")
        signal.raise_signal(signal.SIGUSR2)
        log.info("afterwards")
    finally:
        for number, handler in zip((signal.SIGUSR1, signal.SIGUSR2), before, strict=True):
            signal.signal(number, handler)

    assert [line["event"] for line in logged(capsys)] == ["log level changed", "meanwhile", "log level changed"]


def test_a_line_names_the_order_and_the_trace_that_it_is_about(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(Settings(), add_order_of_task)
    span = trace.NonRecordingSpan(trace.SpanContext(trace_id=0xABC, span_id=1, is_remote=False))

    async def work() -> None:
        logging.getLogger("theirs").warning("slow")

    environment = ActivityEnvironment()
    environment.info = replace(environment.info, workflow_id="order-one")

    with trace.use_span(span):
        asyncio.run(environment.run(work))
    logging.getLogger("theirs").warning("failed", extra={"temporal_workflow": {"workflow_id": "order-two"}})
    logging.getLogger("theirs").warning("idle", extra={"temporal_workflow": {"workflow_id": "dispatch"}})

    activity, workflow, neither = logged(capsys)
    assert (activity["order_id"], activity["trace_id"]) == ("one", f"{0xABC:032x}")
    assert workflow["order_id"] == "two"
    assert not {"order_id", "trace_id"} & neither.keys()


@pytest.mark.parametrize("name", ["api.security.tokens", "uvicorn.error"])
def test_what_anybody_can_send_does_not_flood_the_log(capsys: pytest.CaptureFixture[str], name: str) -> None:
    configure_logging(Settings())
    configure_logging(Settings())

    for _ in range(MOST_LINES + 40):
        structlog.get_logger(name).info("refused")

    assert len(logged(capsys)) == MOST_LINES
