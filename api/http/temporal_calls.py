"""Calls to Temporal with a deadline, and the meaning of their failures."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from traceback import format_tb

import structlog
from temporalio.client import (
    RPCTimeoutOrCancelledError,
    WorkflowQueryFailedError,
    WorkflowQueryRejectedError,
)
from temporalio.service import RPCError, RPCStatusCode

from api.http.errors import NoAnswerInTime, TemporalUnavailable
from runtime.payload_codec import DecryptionError

_BUSY = (
    RPCStatusCode.DEADLINE_EXCEEDED,
    RPCStatusCode.CANCELLED,
    RPCStatusCode.RESOURCE_EXHAUSTED,
    RPCStatusCode.FAILED_PRECONDITION,
)

_log = structlog.get_logger(__name__)


class NoSuchWorkflow(Exception):
    """Temporal knows no such workflow, or the workflow is closed and takes no messages."""


@asynccontextmanager
async def temporal_call(seconds: float, *, by_worker: bool = False) -> AsyncIterator[timedelta]:
    """Call Temporal within a deadline. The SDK itself retries for longer than any client waits.

    Args:
        seconds: The deadline.
        by_worker: Whether a worker has to answer, and not only the server.

    Yields:
        The deadline, to be sent with the call.

    Raises:
        NoSuchWorkflow: no open workflow has this id.
        NoAnswerInTime: no worker answered.
        TemporalUnavailable: the server cannot be reached, is too busy, or refuses the call; or its answer is encrypted
            with a key that this process does not have.
    """
    no_answer = (
        NoAnswerInTime("no worker answered in time")
        if by_worker
        else TemporalUnavailable("the Temporal server did not answer in time")
    )
    if seconds <= 0:
        raise no_answer
    try:
        async with asyncio.timeout(seconds):
            yield timedelta(seconds=seconds)
    except WorkflowQueryRejectedError as error:
        raise NoSuchWorkflow from error
    except (TimeoutError, RPCTimeoutOrCancelledError, WorkflowQueryFailedError) as error:
        raise no_answer from error
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise NoSuchWorkflow from error
        if error.status in _BUSY:
            raise no_answer from error
        _log.warning("a call to Temporal failed", status=error.status.name, error=error.message)
        raise TemporalUnavailable("the Temporal server did not accept the request") from error
    except DecryptionError as error:
        _log.error("cannot decrypt what Temporal answered", error=str(error))
        raise TemporalUnavailable("the order cannot be read at the moment") from error
    except RuntimeError as error:
        # A lazy client raises this if it cannot connect. An error of this program looks the same but for its place.
        place = "".join(format_tb(error.__traceback__)[-1:])
        _log.warning("Temporal could not be called", error=type(error).__qualname__, at=place)
        raise TemporalUnavailable("the Temporal server cannot be reached") from error
