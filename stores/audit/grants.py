"""Rights of the API's own role in the audit's database, on PostgreSQL.

The owner of the tables migrates them. The API is a role of its own, if the database has the role `audit_writer`: it can
add entries and move the head, and can change and remove none, but for entries of the access log that have expired.
"""

from sqlalchemy import Connection, text

from stores.common.database import POSTGRESQL

WRITER = "audit_writer"
_EXISTS = text("SELECT 1 FROM pg_roles WHERE rolname = :role")
_TABLES = text("SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = current_schema()")
_RIGHTS = (
    f"GRANT INSERT ON audit_entry, access_entry, access_person TO {WRITER}",
    f"GRANT UPDATE ON audit_head TO {WRITER}",
    f"GRANT DELETE ON access_entry, access_person TO {WRITER}",
)
_ACCESS_LOG = ("access_entry", "access_person")


def grant(connection: Connection, retention: float) -> None:
    """Give the API's role its rights, if the database has that role.

    Args:
        connection: A connection of the tables' owner.
        retention: Seconds after which the role may remove entries of the access log.
    """
    if connection.dialect.name != POSTGRESQL or not connection.scalar(_EXISTS, {"role": WRITER}):
        return
    for table in connection.scalars(_TABLES).all():
        connection.execute(text(f"GRANT SELECT ON {table} TO {WRITER}"))
    for right in _RIGHTS:
        connection.execute(text(right))
    for table in _ACCESS_LOG:
        # The owner is not limited by the policies.
        connection.execute(text(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"))
        for name, policy in {
            "writer_reads": "FOR SELECT TO {} USING (true)",
            "writer_adds": "FOR INSERT TO {} WITH CHECK (true)",
            "writer_expires": f"FOR DELETE TO {{}} USING (at < now() - interval '{retention} seconds')",
        }.items():
            connection.execute(text(f"DROP POLICY IF EXISTS {name} ON {table}"))
            connection.execute(text(f"CREATE POLICY {name} ON {table} {policy.format(WRITER)}"))
    connection.commit()
