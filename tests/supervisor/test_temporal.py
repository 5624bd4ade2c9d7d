"""A first start of the embedded server that was cut short does not prevent the next."""

import sqlite3
from contextlib import closing
from pathlib import Path

from supervisor.temporal import set_aside_unfinished


def database(file: Path, *statements: str) -> bytes:
    with closing(sqlite3.connect(file)) as connection, connection:
        for statement in statements:
            connection.execute(statement)
    return file.read_bytes()


def test_a_file_without_a_namespace_table_is_set_aside(tmp_path: Path) -> None:
    database(tmp_path / "temporal.db", "CREATE TABLE shards (id)")
    (tmp_path / "temporal.db-wal").touch()
    set_aside_unfinished(tmp_path / "temporal.db")
    assert not [path for path in tmp_path.iterdir() if not path.name.startswith("unfinished-")]
    assert (tmp_path / "unfinished-temporal.db").exists()


def test_a_file_whose_namespace_was_not_made_yet_is_set_aside(tmp_path: Path) -> None:
    database(tmp_path / "temporal.db", "CREATE TABLE namespaces (name)")
    set_aside_unfinished(tmp_path / "temporal.db")
    assert not (tmp_path / "temporal.db").exists()


def test_a_file_with_a_namespace_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "temporal.db"
    content = database(file, "CREATE TABLE namespaces (name)", "INSERT INTO namespaces VALUES ('default')")
    set_aside_unfinished(file)
    assert file.read_bytes() == content


def test_a_file_that_cannot_be_read_is_left_to_the_server(tmp_path: Path) -> None:
    file = tmp_path / "temporal.db"
    file.write_bytes(b"not a database at all" * 100)
    set_aside_unfinished(file)
    assert file.exists()


def test_no_file_is_no_problem(tmp_path: Path) -> None:
    set_aside_unfinished(tmp_path / "temporal.db")
    assert not list(tmp_path.iterdir())
