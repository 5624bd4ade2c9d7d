"""What the databases' errors mean, in the words of each of their drivers."""

from collections.abc import Sequence

from sqlalchemy import exc

_OUR_FAULT = (exc.IntegrityError, exc.ProgrammingError, exc.DataError, exc.NotSupportedError)
"""What a database says that is well and understands us."""
_NOT_THERE = {"42P01", "42S02", "42703", "42S22"}
"""PostgreSQL's and MySQL's words for a table or a column that is not there: it is lost, or not migrated yet."""
_ABORTED = {"40001", "40P01", 1213}
"""Theirs for a transaction that had to give way to another."""


def is_outage(error: exc.DBAPIError) -> bool:
    """The database is not well: asking again may help."""
    gone = error.connection_invalidated or not _NOT_THERE.isdisjoint(_codes(error))
    return gone or not isinstance(error, _OUR_FAULT)


def gave_way(error: exc.DBAPIError) -> bool:
    """A deadlock was broken at our expense, or another transaction came in between otherwise."""
    return not _ABORTED.isdisjoint(_codes(error))


def is_there_already(error: exc.DBAPIError) -> bool:
    """What was inserted is there: another transaction may have been first."""
    return isinstance(error, exc.IntegrityError)


def _codes(error: exc.DBAPIError) -> Sequence[object]:
    """What the database calls what went wrong: by the standard, and (MySQL) in its own way."""
    return getattr(error.orig, "sqlstate", None), *getattr(error.orig, "args", ())[:1]
