"""Engineers' calendars, bookings of visits, and the orders that wait for one.

Beside it the release before goes on: what it writes an engineer without has a default.
"""

import sqlalchemy as sa

from stores.common.columns import AsJson, UtcDateTime
from stores.migrations.steps import add_columns, create_table

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Monday to Saturday from 9 to 18 o'clock is what every engineer works who is there already."""
    add_columns(
        "engineer",
        sa.Column("working_days", sa.Integer, nullable=False, server_default="63"),
        sa.Column("works_from", sa.Integer, nullable=False, server_default="540"),
        sa.Column("works_until", sa.Integer, nullable=False, server_default="1080"),
        sa.Column("visits_per_window", sa.Integer),
    )
    add_columns("assignment", sa.Column("visit_start", UtcDateTime()), sa.Column("visit_end", UtcDateTime()))
    create_table(
        "engineer_skill",
        sa.Column("engineer_id", sa.String(200), primary_key=True),
        sa.Column("skill", sa.String(200), primary_key=True),
    )
    create_table(
        "product",
        sa.Column("product_id", sa.String(200), primary_key=True),
        sa.Column("skills", AsJson(list[str]), nullable=False),
    )
    create_table(
        "day_off",
        sa.Column("day_off_id", sa.String(200), primary_key=True),
        sa.Column("engineer_id", sa.String(200)),
        sa.Column("region", sa.String(200)),
        sa.Column("first_day", sa.Date, nullable=False),
        sa.Column("last_day", sa.Date, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Index("day_off_in_order", "last_day", "day_off_id"),
        sa.Index("day_off_by_engineer", "engineer_id", "last_day", "day_off_id"),
        sa.Index("day_off_by_region", "region", "last_day", "day_off_id"),
    )
    create_table(
        "booking",
        sa.Column("order_id", sa.String(200), primary_key=True),
        sa.Column("engineer_id", sa.String(200), nullable=False),
        sa.Column("visit_start", UtcDateTime(), nullable=False),
        sa.Column("seat", sa.Integer, nullable=False),
        sa.Column("visit_end", UtcDateTime(), nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("region", sa.String(200), nullable=False),
        sa.Column("skills", AsJson(list[str]), nullable=False),
        sa.Column("stranded", sa.Boolean, nullable=False),
        sa.Index("booking_once", "engineer_id", "visit_start", "seat", unique=True),
        sa.Index("booking_by_region", "region", "stranded", "visit_start", "visit_end", "engineer_id", "seat"),
        sa.Index("booking_by_day", "engineer_id", "day", "stranded"),
        sa.Index("booking_stranded", "stranded", "visit_start", "order_id"),
    )
    create_table(
        "waiting",
        sa.Column("order_id", sa.String(200), primary_key=True),
        sa.Column("region", sa.String(200)),
        sa.Column("ordered_at", UtcDateTime(), nullable=False),
        sa.Column("product_id", sa.String(200), nullable=False),
        sa.Column("passed_over", AsJson(list[str]), nullable=False),
        sa.Column("wanted", UtcDateTime()),
        sa.Column("enough", sa.Boolean, nullable=False),
        sa.Column("due_at", UtcDateTime()),
        sa.Index("waiting_in_order", "region", "ordered_at", "order_id"),
        sa.Index("waiting_due", "due_at"),
    )
