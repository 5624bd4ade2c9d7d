"""Points in time, always in UTC."""

from datetime import UTC, datetime

UNSET = datetime(1970, 1, 1, tzinfo=UTC)
"""The default of a time that every real value carries: a recorded message may lack what a later release added."""
