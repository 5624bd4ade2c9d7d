"""Logs of every process: one line for each event, in JSON unless the output is a terminal.

An order's id may be logged. Names, addresses, phone numbers and notes may not. So an error whose text quotes the
input is logged without its text.
"""

import logging
import signal
import sys
import traceback
from types import TracebackType

import structlog
from fastapi.exceptions import ValidationException
from pydantic import ValidationError
from structlog.typing import EventDict, Processor, WrappedLogger

from observability.log_context import add_context
from observability.log_limit import limit_lines
from runtime.settings import Settings

_QUOTING = (ValidationError, ValidationException)
"""Errors whose text repeats the input."""
_QUIET = {
    "httpx2": logging.WARNING,
    "httpcore2": logging.INFO,
    "uvicorn.access": logging.WARNING,
    # At DEBUG, it logs secrets of people who sign in.
    "authlib": logging.INFO,
    # Logs at every access to a database.
    "alembic.runtime.migration": logging.WARNING,
    # At DEBUG, these log stored values, or the contents of tasks.
    "aiosqlite": logging.INFO,
    "temporalio": logging.INFO,
}

LIMITED = ("api.security.tokens", "uvicorn.error", "asyncio")
"""Loggers that write a line for whatever anybody sends: refused tokens, what is no HTTP, lost connections."""

_log = structlog.get_logger(__name__)

_ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]


def configure_logging(settings: Settings, *context: Processor) -> None:
    """Send the logs of this process, including those of libraries, to standard error.

    Args:
        settings: The settings.
        context: What adds to each line of this process what it is about, beside the request and the trace.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        add_context,
        *context,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _render_error,
    ]
    watched = sys.stderr.isatty()
    renderer: Processor = structlog.dev.ConsoleRenderer() if watched else structlog.processors.JSONRenderer()
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level.upper())
    for name, least in _QUIET.items():
        logging.getLogger(name).setLevel(least)
    for name in LIMITED:
        limit_lines(name)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def change_level_by_signal(settings: Settings) -> None:
    """Change the log level of this process to DEBUG at SIGUSR1, and back to the setting at SIGUSR2."""

    def set_level(level: str) -> None:
        logging.getLogger().setLevel(level)
        _log.warning("log level changed", level=level)

    signal.signal(signal.SIGUSR1, lambda *_: set_level("DEBUG"))
    signal.signal(signal.SIGUSR2, lambda *_: set_level(settings.log_level))


def _render_error(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    info = event.pop("exc_info", None)
    if info is True:
        info = sys.exc_info()
    if isinstance(info, BaseException):
        info = (type(info), info, info.__traceback__)
    if info and info[1] is not None:
        event["exception"] = _describe(info)
    return event


def _describe(info: _ExcInfo) -> str:
    _, error, _ = info
    described = traceback.TracebackException.from_exception(error)
    if not _quotes(error):
        return "".join(described.format())
    return "".join(["Traceback (most recent call last):\n", *described.stack.format(), type(error).__qualname__])


def _quotes(error: BaseException | None) -> bool:
    """Whether the text of the error, or of one of its causes, repeats the input."""
    while error is not None:
        if isinstance(error, _QUOTING):
            return True
        error = error.__cause__ or error.__context__
    return False
