"""Days off for a part of the day, extra shifts, and visits that are booked on national holidays.

The release before takes a part of a day for the whole day, knows no extra shift, and books on holidays.
"""

import sqlalchemy as sa

from stores.migrations.steps import add_columns, create_table

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Days off that exist already are of whole days."""
    add_columns("day_off", sa.Column("hours_from", sa.Integer), sa.Column("hours_until", sa.Integer))
    add_columns("booking", sa.Column("on_holiday", sa.Boolean))
    create_table(
        "extra_shift",
        sa.Column("extra_shift_id", sa.String(200), primary_key=True),
        sa.Column("engineer_id", sa.String(200)),
        sa.Column("region", sa.String(200)),
        sa.Column("first_day", sa.Date, nullable=False),
        sa.Column("last_day", sa.Date, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("hours_from", sa.Integer),
        sa.Column("hours_until", sa.Integer),
        sa.Index("extra_shift_in_order", "last_day", "extra_shift_id"),
        sa.Index("extra_shift_by_engineer", "engineer_id", "last_day", "extra_shift_id"),
        sa.Index("extra_shift_by_region", "region", "last_day", "extra_shift_id"),
    )
