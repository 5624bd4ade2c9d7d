"""Ids of the entries of the audit trail and of the access log."""

from secrets import token_hex
from time import time_ns


def new_id() -> str:
    """Return a unique id. Ids rise with time, so that a database adds new entries at the end of its indexes."""
    return f"{time_ns():016x}{token_hex(8)}"
