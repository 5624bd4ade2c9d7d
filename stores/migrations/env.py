"""Where Alembic begins: it runs the revisions of the context, and on the connection, that `stores.migration` names."""

from alembic import context

attributes = context.config.attributes
context.configure(
    connection=attributes["connection"],
    target_metadata=attributes["metadata"],
    version_table=attributes["version_table"],
    # What one revision has locked, the next need not hold; and only so a step can leave the transaction.
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
