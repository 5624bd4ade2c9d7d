"""The embedded server: what is prepared before its start, and who may use it."""

import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx2
import pytest

from harness.ports import free_port
from runtime.payload_binding import PayloadBinding
from runtime.settings import Settings
from runtime.temporal_client import payload_binding_of
from supervisor.temporal import database_file, set_aside_unfinished, temporal
from tests.eventually import PATIENCE, eventually, reachable


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


@pytest.mark.parametrize(
    ("statements", "binding"),
    [
        ((), PayloadBinding.REQUIRE),
        (("CREATE TABLE namespaces (name)",), PayloadBinding.REQUIRE),
        (("CREATE TABLE namespaces (name)", "INSERT INTO namespaces VALUES ('default')"), PayloadBinding.WRITE),
    ],
    ids=["a new directory", "a first start that was cut short", "orders of before"],
)
def test_payloads_have_to_be_bound_where_no_order_was_ever_taken(
    tmp_path: Path, statements: tuple[str, ...], binding: PayloadBinding
) -> None:
    settings = Settings(data_dir=tmp_path)
    if statements:
        database(database_file(settings), *statements)
    prepare = temporal(settings).before_start
    assert prepare is not None

    prepare()

    assert payload_binding_of(settings) is binding
    database(
        database_file(settings), "CREATE TABLE IF NOT EXISTS namespaces (name)", "INSERT INTO namespaces VALUES (1)"
    )
    prepare()
    assert payload_binding_of(settings) is binding, "it stays as it was at the first start"


def test_a_setting_comes_before_what_the_directory_says(tmp_path: Path) -> None:
    (tmp_path / "payload_binding").write_text("require\n")

    assert payload_binding_of(Settings(data_dir=tmp_path)) is PayloadBinding.REQUIRE
    for settings in (
        Settings(data_dir=tmp_path, payload_binding=PayloadBinding.ACCEPT),
        Settings(data_dir=tmp_path, temporal_address="temporal.example:7233"),
    ):
        assert payload_binding_of(settings) is PayloadBinding.ACCEPT


REFUSED = (400, 403)


@contextmanager
def started(settings: Settings, *arguments: str) -> Iterator[None]:
    part = temporal(settings)
    process = subprocess.Popen([*part.command, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        eventually(lambda: reachable(part.ready_at), what="the server is ready")
        yield
    finally:
        process.kill()
        process.wait()


@pytest.mark.usefixtures("processes")
def test_the_http_api_of_the_embedded_server_answers_nobody(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, temporal_port=free_port(), temporal_ui_port=free_port())
    port = free_port()
    url = f"http://127.0.0.1:{port}/api/v1/namespaces/default/workflows"
    body = {"workflowType": {"name": "X"}, "taskQueue": {"name": "x"}}

    with started(settings, "--http-port", str(port)):
        for host in ("127.0.0.1", f"127.0.0.1:{port}", "localhost", "attacker.example", "nobody at all", "*"):
            headers = {"Host": host, "Content-Type": "text/plain"}
            assert httpx2.get(url, headers=headers, timeout=PATIENCE).status_code in REFUSED
            assert httpx2.post(f"{url}/order", json=body, headers=headers, timeout=PATIENCE).status_code in REFUSED
