"""Dumps the tables of a database to one file while they are in use, and restores them to an empty database."""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import IO

from sqlalchemy import URL, inspect

from stores.common.database import MYSQL, POSTGRESQL, SQLITE, Database, driver_url
from stores.common.sqlite import make_private

_WITHIN = 3600.0
"""Seconds to copy one database."""
_BUSY_SECONDS = 30.0
_BESIDE = ("", "-wal", "-shm", "-journal")
"""Suffixes of the files that belong to a SQLite database."""

Finish = Callable[[], None]


class DumpFailure(Exception):
    """A database could not be copied. The text tells the operator why."""


def dump(url: str, tables: Sequence[str], to: Path) -> AbstractContextManager[Finish]:
    """Begin to copy some tables to a file, as they are now. Call the yielded function to complete the copy.

    A copy of SQLite contains everything that was committed before the block begins, and nothing later. The programs of
    the other databases choose that moment as soon as they are connected. A SQLite file is copied as a whole.

    Raises:
        DumpFailure: the copy fails, here or when it is completed.
    """
    source = driver_url(url)
    make_private(to)
    if source.get_backend_name() == SQLITE:
        return _sqlite_copy(_file(source), to)
    if source.get_backend_name() == POSTGRESQL:
        selected = [f"--table={table}" for table in tables]
        own = ["--format=custom", "--no-owner", "--no-privileges", f"--file={to}"]
        return _running(["pg_dump", *own, *selected, f"--dbname={_for_libpq(source)}"], source)
    own = ["--single-transaction", "--skip-lock-tables", "--default-character-set=utf8mb4", f"--result-file={to}"]
    return _running(
        [_either("mariadb-dump", "mysqldump"), *_server(source), *own, str(source.database), *tables], source
    )


async def is_empty(url: str, tables: Sequence[str]) -> bool:
    """Return whether none of the tables exists. For SQLite, whether the file does not exist.

    Raises:
        StoreUnavailable: the database does not answer.
    """
    target = driver_url(url)
    if target.get_backend_name() == SQLITE:
        file = _file(target)
        return not any(file.with_name(file.name + end).exists() for end in _BESIDE)
    database = Database(url)
    try:
        async with database.reading() as connection:
            known = await connection.run_sync(lambda connection: inspect(connection).get_table_names())
    finally:
        await database.dispose()
    return not set(known) & set(tables)


def restore(url: str, dumped: Path) -> None:
    """Restore a copy to an empty database.

    Raises:
        DumpFailure: the restore failed. Nothing was restored, except on MySQL, which keeps what was done until then.
    """
    target = driver_url(url)
    if target.get_backend_name() == SQLITE:
        file = _file(target)
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = file.with_name(f"{file.name}.restoring")
        make_private(draft)
        shutil.copyfile(dumped, draft)
        draft.replace(file)
        return
    if target.get_backend_name() == POSTGRESQL:
        own = ["--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges"]
        command = ["pg_restore", *own, f"--dbname={_for_libpq(target)}"]
    else:
        own = ["--default-character-set=utf8mb4", str(target.database)]
        command = [_either("mariadb", "mysql"), *_server(target), *own]
    with dumped.open("rb") as given, _running(command, target, given) as finish:
        finish()


@contextmanager
def _sqlite_copy(file: Path, to: Path) -> Iterator[Finish]:
    if not file.exists():
        raise DumpFailure(f"{file} does not exist")
    try:
        with closing(sqlite3.connect(file, timeout=_BUSY_SECONDS, isolation_level=None)) as source:
            source.execute("BEGIN").close()
            # The first read determines what the transaction sees. The copy is made within the transaction.
            source.execute("SELECT count(*) FROM sqlite_schema").fetchone()

            def finish() -> None:
                with closing(sqlite3.connect(to)) as target:
                    source.backup(target)

            yield finish
    except sqlite3.Error as error:
        raise DumpFailure(f"{file}: {error}") from error


@contextmanager
def _running(command: Sequence[str], url: URL, given: IO[bytes] | int = subprocess.DEVNULL) -> Iterator[Finish]:
    program, environment = command[0], os.environ | _password(url)
    try:
        process = subprocess.Popen(  # noqa: S603 - runs only the programs named in this module
            command, env=environment, stdin=given, stderr=subprocess.PIPE, text=True
        )
    except OSError as error:
        raise DumpFailure(f"{program}: {error.strerror}") from error

    def finish() -> None:
        try:
            _, said = process.communicate(timeout=_WITHIN)
        except subprocess.TimeoutExpired as error:
            raise DumpFailure(f"{program} took more than {_WITHIN:g} s") from error
        if process.returncode:
            raise DumpFailure(f"{program} ended with exit status {process.returncode}: {said.strip()}")

    with process:
        try:
            yield finish
        finally:
            process.kill()


def _file(url: URL) -> Path:
    return Path(url.database or "").absolute()


def _password(url: URL) -> Mapping[str, str]:
    """Return the password for the environment. Every user of the machine could read a program's arguments."""
    name = "MYSQL_PWD" if url.get_backend_name() == MYSQL else "PGPASSWORD"
    return {} if url.password is None else {name: str(url.password)}


def _for_libpq(url: URL) -> str:
    return url.set(drivername="postgresql", password=None).render_as_string(hide_password=False)


def _server(url: URL) -> list[str]:
    named = {"--host": url.host, "--port": url.port, "--user": url.username}
    return [f"{name}={value}" for name, value in named.items() if value is not None]


def _either(*programs: str) -> str:
    """Return the first program that is installed. MariaDB and MySQL name the same programs differently."""
    return next(filter(shutil.which, programs), programs[0])
