"""A migration only adds, so that the release before goes on beside it."""

import re
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from stores.common.revisions import history, newest
from stores.migration import METADATA, upgrade
from tests.stores.statements import statements


def breaks(statement: str, made: set[str]) -> bool:
    """Return whether the previous release could not run beside this step. In new tables, any step is allowed."""
    match statement.split():
        case ["SELECT" | "PRAGMA" | "INSERT", *_] | ["CREATE", "INDEX", *_]:
            return False
        case ["CREATE", "TABLE", table, *_]:
            made.add(table)
            return False
        case ["CREATE", "UNIQUE", "INDEX", _, "ON", table, *_] | ["UPDATE", table, *_] | ["DELETE", "FROM", table, *_]:
            return table not in made and not table.endswith("_revision")
        case ["ALTER", "TABLE", _, "ADD", "COLUMN", *_]:
            return bool(re.search(r"\bNOT NULL\b", statement)) and " DEFAULT " not in statement
        case _:
            return True


@pytest.mark.parametrize("context", METADATA)
def test_a_revision_only_adds(context: str, tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/new.db")
    for revision in history(context):
        with engine.connect() as connection, statements(engine) as said:
            upgrade(connection, context, revision)
            connection.commit()
        made: set[str] = set()
        assert [statement for statement in said if breaks(statement, made)] == []
        assert said
    engine.dispose()
    assert newest(context) == revision


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE engineer",
        "DROP INDEX engineer_by_region",
        "ALTER TABLE engineer DROP COLUMN name",
        "ALTER TABLE engineer RENAME COLUMN name TO full_name",
        "ALTER TABLE engineer ADD COLUMN grade INTEGER NOT NULL",
        "CREATE UNIQUE INDEX engineer_once ON engineer (name)",
        "UPDATE engineer SET name = upper(name)",
    ],
)
def test_what_would_stop_the_release_before_is_found(statement: str) -> None:
    assert breaks(statement, set())
