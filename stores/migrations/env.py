"""Alembic's entry point: runs the revisions of the context, on the connection that `stores.migration` passes."""

from alembic import context

attributes = context.config.attributes
context.configure(
    connection=attributes["connection"],
    target_metadata=attributes["metadata"],
    version_table=attributes["version_table"],
    # A revision does not keep the locks of the one before it. A step can leave the transaction only in this mode.
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
