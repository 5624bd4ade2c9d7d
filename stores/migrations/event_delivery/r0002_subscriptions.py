"""Subscriptions, their secrets, the orders that are held, and the attempts to send."""

import sqlalchemy as sa

from stores.common.columns import AsJson, UtcDateTime
from stores.migrations.steps import create_table

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the tables."""
    create_table(
        "event_subscription",
        sa.Column("subscription_id", sa.String(64), primary_key=True),
        sa.Column("fingerprint", sa.String(64)),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("url", sa.String(2000), nullable=False),
        sa.Column("types", AsJson(list[str])),
        sa.Column("regions", AsJson(list[str])),
        sa.Column("at_once", sa.Integer, nullable=False),
        sa.Column("per_minute", sa.Integer),
        sa.Column("owner", sa.String(200), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("pause_reason", sa.String(40)),
        sa.Column("paused_at", UtcDateTime()),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.Column("agreed_at", UtcDateTime()),
        sa.Column("delivered", sa.BigInteger, nullable=False),
        sa.Column("run", sa.BigInteger, nullable=False),
        sa.Column("seen_at", UtcDateTime()),
        sa.Column("failing_since", UtcDateTime()),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("retry_at", UtcDateTime()),
        sa.Column("last_outcome", sa.String(20)),
        sa.Column("last_status", sa.Integer),
        sa.Column("last_delivered_at", UtcDateTime()),
        sa.Column("allowed_rate", sa.Integer),
    )
    create_table(
        "event_secret",
        sa.Column("subscription_id", sa.String(64), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("sealed", sa.String(500), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime()),
    )
    create_table(
        "event_held",
        sa.Column("subscription_id", sa.String(64), primary_key=True),
        sa.Column("subject", sa.String(200), primary_key=True),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("event_id", sa.String(120), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("retry_at", UtcDateTime()),
    )
    create_table(
        "event_attempt",
        sa.Column("attempt_id", sa.String(40), primary_key=True),
        sa.Column("subscription_id", sa.String(64), nullable=False),
        sa.Column("sequence", sa.BigInteger),
        sa.Column("event_id", sa.String(120), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("outcome", sa.String(20), nullable=False),
        sa.Column("status", sa.Integer),
        sa.Column("failure", sa.String(20)),
        sa.Column("milliseconds", sa.Integer, nullable=False),
        sa.Index("event_attempt_in_order", "subscription_id", "at", "attempt_id"),
    )
