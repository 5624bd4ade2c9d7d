"""One call to Temporal with a deadline, and what its failures mean."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

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
    """Temporal knows no such workflow, or it has closed and takes no messages any more."""


@asynccontextmanager
async def asking_temporal(seconds: float, *, of_worker: bool = False) -> AsyncIterator[timedelta]:
    """Call Temporal within a deadline of our own: the SDK retries by itself for longer than anybody waits.

    Args:
        seconds: The deadline.
        of_worker: A worker has to answer, and not the server alone.

    Yields:
        The deadline, for the call to send along.

    Raises:
        NoSuchWorkflow: there is no open one with the id.
        NoAnswerInTime: nothing came of the call that a worker had to answer.
        TemporalUnavailable: the server is not there, is too busy, or does not do this; or its answer is encrypted with
            a key that this process does not have.
    """
    silence = (
        NoAnswerInTime("nobody took the request in time")
        if of_worker
        else TemporalUnavailable("the order system's server did not answer in time")
    )
    if seconds <= 0:
        raise silence
    try:
        async with asyncio.timeout(seconds):
            yield timedelta(seconds=seconds)
    except WorkflowQueryRejectedError as error:
        raise NoSuchWorkflow from error
    except (TimeoutError, RPCTimeoutOrCancelledError, WorkflowQueryFailedError) as error:
        raise silence from error
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise NoSuchWorkflow from error
        if error.status in _BUSY:
            raise silence from error
        _log.warning("call to Temporal failed", status=error.status.name, error=error.message)
        raise TemporalUnavailable("the order system's server did not take the request") from error
    except DecryptionError as error:
        _log.error("cannot decrypt what Temporal answered", error=str(error))
        raise TemporalUnavailable("the order cannot be read at the moment") from error
    except RuntimeError as error:
        # That is how a lazy client says that it cannot connect.
        raise TemporalUnavailable("the order system's server cannot be reached") from error
