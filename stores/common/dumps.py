"""The tables of a database as one file: taken while others work on them, and put where there are none."""

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

_WITHIN = 3600.0
"""Seconds for one database to be copied."""
_BUSY_SECONDS = 30.0
_BESIDE = ("", "-wal", "-shm", "-journal")
"""What belongs to a SQLite file, by the end of its name."""

Finish = Callable[[], None]


class DumpFailure(Exception):
    """A database could not be copied; the text says to a person why."""


def dump(url: str, tables: Sequence[str], to: Path) -> AbstractContextManager[Finish]:
    """Begin to copy some tables to a file, as they are now; what this gives has to be called to complete the copy.

    A copy of SQLite's has everything that was committed before the block begins, and nothing later. The programs of the
    others fix that moment themselves, as soon as they are connected. A SQLite file is copied with all that is in it.

    Raises:
        DumpFailure: from here, or when it is completed.
    """
    source = driver_url(url)
    if source.get_backend_name() == SQLITE:
        return _sqlite_copy(_file(source), to)
    if source.get_backend_name() == POSTGRESQL:
        chosen = [f"--table={table}" for table in tables]
        own = ["--format=custom", "--no-owner", "--no-privileges", f"--file={to}"]
        return _running(["pg_dump", *own, *chosen, f"--dbname={_for_libpq(source)}"], source)
    own = ["--single-transaction", "--skip-lock-tables", "--default-character-set=utf8mb4", f"--result-file={to}"]
    return _running(
        [_either("mariadb-dump", "mysqldump"), *_server(source), *own, str(source.database), *tables], source
    )


async def is_empty(url: str, tables: Sequence[str]) -> bool:
    """Whether none of the tables is there; a SQLite file must not be there at all.

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
    """Put a copy where nothing is.

    Raises:
        DumpFailure: it cannot be put there; nothing is there then, but on MySQL, which keeps what was done until then.
    """
    target = driver_url(url)
    if target.get_backend_name() == SQLITE:
        file = _file(target)
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_name(f"{file.name}.restoring")
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
        raise DumpFailure(f"there is no {file}")
    try:
        with closing(sqlite3.connect(file, timeout=_BUSY_SECONDS, isolation_level=None)) as source:
            source.execute("BEGIN").close()
            # It is the first look that fixes what the transaction sees; the copy is made from within it.
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
        process = subprocess.Popen(  # noqa: S603 - programs that are named here
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
    """For the environment: everybody on the machine can read a program's arguments."""
    name = "MYSQL_PWD" if url.get_backend_name() == MYSQL else "PGPASSWORD"
    return {} if url.password is None else {name: str(url.password)}


def _for_libpq(url: URL) -> str:
    return url.set(drivername="postgresql", password=None).render_as_string(hide_password=False)


def _server(url: URL) -> list[str]:
    named = {"--host": url.host, "--port": url.port, "--user": url.username}
    return [f"{name}={value}" for name, value in named.items() if value is not None]


def _either(*programs: str) -> str:
    """The first that is installed; MariaDB and MySQL have names of their own for the same programs."""
    return next(filter(shutil.which, programs), programs[0])
