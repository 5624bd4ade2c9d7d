"""Classifies the errors of the database drivers."""

from collections.abc import Sequence

from sqlalchemy import exc

_OUR_FAULT = (exc.IntegrityError, exc.ProgrammingError, exc.DataError, exc.NotSupportedError)
"""Errors of a healthy database that rejects a statement."""
_NOT_THERE = {"42P01", "42S02", "42703", "42S22"}
"""PostgreSQL's and MySQL's codes for a missing table or column: it is lost, or not migrated yet."""
_ABORTED = {"40001", "40P01", 1213}
"""Their codes for a transaction that was aborted because of another one."""


def is_outage(error: exc.DBAPIError) -> bool:
    """Return whether the database is not healthy, so that a retry may help."""
    gone = error.connection_invalidated or not _NOT_THERE.isdisjoint(_codes(error))
    return gone or not isinstance(error, _OUR_FAULT)


def gave_way(error: exc.DBAPIError) -> bool:
    """Return whether the transaction was aborted by a deadlock or a conflict with another transaction."""
    return not _ABORTED.isdisjoint(_codes(error))


def is_there_already(error: exc.DBAPIError) -> bool:
    """Return whether the inserted row exists already. Another transaction may have inserted it first."""
    return isinstance(error, exc.IntegrityError)


def _codes(error: exc.DBAPIError) -> Sequence[object]:
    """Return the error's codes: the SQLSTATE, and MySQL's own number."""
    return getattr(error.orig, "sqlstate", None), *getattr(error.orig, "args", ())[:1]
