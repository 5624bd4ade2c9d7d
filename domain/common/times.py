"""Points in time, always in UTC."""

from datetime import UTC, datetime

UNSET = datetime(1970, 1, 1, tzinfo=UTC)
"""Default of a required time field, because a recorded message may lack a field that a later release added."""
