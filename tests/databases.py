"""PostgreSQL and MariaDB for tests: servers of the tests' own, unprivileged, on free ports, for one session.

A kind whose programs are not found is left out, and said so; `REQUIRE_DATABASES=postgresql,mariadb` makes it an error.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from tests.eventually import eventually

SQLITE, POSTGRESQL, MARIADB = "sqlite", "postgresql", "mariadb"
_PROGRAMS = {
    SQLITE: (),
    POSTGRESQL: ("initdb", "postgres"),
    MARIADB: ("mariadb-install-db", "mariadbd"),
}
_UNPRIVILEGED = "nobody"
"""Who runs a server where the tests are run by root: PostgreSQL refuses to, and MariaDB would rather not."""
_STOPS_WITHIN = 20


def kinds() -> list[str]:
    """The kinds of database that can be tested here."""
    return [kind for kind in _PROGRAMS if not _not_found(kind)]


def pytest_report_header() -> str:
    """What will be tested on, and what not, for the top of pytest's report.

    Raises:
        pytest.UsageError: a kind is required that is not here.
    """
    left_out = {kind: _not_found(kind) for kind in _PROGRAMS if _not_found(kind)}
    required = set(filter(None, os.environ.get("REQUIRE_DATABASES", "").split(",")))
    reasons = "; ".join(f"{kind} left out, not found: {', '.join(programs)}" for kind, programs in left_out.items())
    if required & left_out.keys() or required - _PROGRAMS.keys():
        raise pytest.UsageError(f"REQUIRE_DATABASES={','.join(sorted(required))}: {reasons or 'no such kind'}")
    return "databases: " + ", ".join(kinds()) + (f" ({reasons})" if reasons else "")


class Server:
    """A running server."""

    def __init__(self, kind: str, process: "subprocess.Popen[bytes]", port: int) -> None:
        self.kind = kind
        self.process = process
        self.port = port

    def url(self, database: str) -> str:
        """For a `Database`."""
        user = "postgres" if self.kind == POSTGRESQL else "root"
        return f"{self.kind}://{user}@127.0.0.1:{self.port}/{database}"

    def fresh(self) -> str:
        """The URL of a new database with nothing in it."""
        name = f"test_{uuid.uuid4().hex}"
        self.ask(f"CREATE DATABASE {name}")
        return self.url(name)

    def ask(self, statement: str) -> list[tuple[object, ...]]:
        """Run a statement as the server's owner."""
        with self.engine("postgres" if self.kind == POSTGRESQL else "mysql").connect() as connection:
            result = connection.execute(text(statement))
            return [tuple(row) for row in result] if result.returns_rows else []

    def engine(self, database: str) -> Engine:
        """For a test that looks or reaches into a database itself; each use is a connection, committed at once."""
        driver = "postgresql+psycopg" if self.kind == POSTGRESQL else "mysql+pymysql"
        url = make_url(self.url(database)).set(drivername=driver)
        return create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")

    @contextmanager
    def hung(self) -> Iterator[None]:
        """While this lasts, the server takes connections and answers nothing."""
        pids = [self.process.pid]
        if self.kind == POSTGRESQL:
            # The server is a process for each connection, besides the first, which takes new ones.
            pids += [int(str(pid)) for (pid,) in self.ask("SELECT pid FROM pg_stat_activity")]
        stopped: list[int] = []
        try:
            stopped.extend(pid for pid in pids if _signalled(pid, signal.SIGSTOP))
            yield
        finally:
            for pid in stopped:
                _signalled(pid, signal.SIGCONT)


class Servers:
    """The servers of one session, each started when it is first asked for."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._running: dict[str, Server] = {}

    def __getitem__(self, kind: str) -> Server:
        if kind not in self._running:
            self._running[kind] = _postgresql(self._directory) if kind == POSTGRESQL else _mariadb(self._directory)
        return self._running[kind]

    def stop(self) -> None:
        """End them all."""
        for server in self._running.values():
            # PostgreSQL's "fast" shutdown; MariaDB knows but one.
            server.process.send_signal(signal.SIGINT if server.kind == POSTGRESQL else signal.SIGTERM)
        for server in self._running.values():
            try:
                server.process.wait(_STOPS_WITHIN)
            except subprocess.TimeoutExpired:
                server.process.kill()
                server.process.wait()


@contextmanager
def servers() -> Iterator[Servers]:
    """Servers, and a directory for their data, which go when the block ends."""
    # Not below pytest's own directory: the unprivileged account could not reach it.
    with tempfile.TemporaryDirectory(prefix="databases-") as name:
        directory = Path(name)
        directory.chmod(0o755)
        running = Servers(directory)
        try:
            yield running
        finally:
            running.stop()


def _postgresql(directory: Path) -> Server:
    data, port = _home(directory, POSTGRESQL), _free_port()
    _run("initdb", "-D", data, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
    options = {
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "max_connections": "200",
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
    }
    settings = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    return _ready(Server(POSTGRESQL, _start("postgres", "-D", data, "-p", str(port), *settings, log=data), port), data)


def _mariadb(directory: Path) -> Server:
    data, port = _home(directory, MARIADB), _free_port()
    own = ("--no-defaults", f"--datadir={data}")
    _run("mariadb-install-db", *own, "--auth-root-authentication-method=normal", "--skip-test-db")
    options = (
        *("--bind-address=127.0.0.1", f"--port={port}", f"--socket={data}/socket", f"--pid-file={data}/pid"),
        *("--skip-name-resolve", "--skip-log-bin", "--max-connections=200"),
        *("--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0"),
    )
    return _ready(Server(MARIADB, _start("mariadbd", *own, *options, log=data), port), data)


def _ready(server: Server, data: Path) -> Server:
    def answers() -> bool:
        assert server.process.poll() is None, (data / "log").read_text(errors="replace")
        try:
            return bool(server.ask("SELECT 1"))
        except OperationalError:
            return False

    eventually(answers, within=60, what=f"{server.kind} ready")
    return server


def _not_found(kind: str) -> list[str]:
    return [program for program in _PROGRAMS[kind] if _program(program) is None]


def _program(name: str) -> str | None:
    newest_first = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    places = [os.environ.get("PATH", ""), "/usr/sbin", *map(str, newest_first)]
    return shutil.which(name, path=os.pathsep.join(places))


def _account() -> dict[str, Any]:
    """How `subprocess` gives up root's rights."""
    if os.getuid() != 0:
        return {}
    account = pwd.getpwnam(_UNPRIVILEGED)
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def _home(directory: Path, kind: str) -> Path:
    home = directory / kind
    home.mkdir(mode=0o700)
    if os.getuid() == 0:
        account = pwd.getpwnam(_UNPRIVILEGED)
        os.chown(home, account.pw_uid, account.pw_gid)
    return home


def _run(program: str, *arguments: str | Path) -> None:
    done = subprocess.run(
        [_program(program) or program, *arguments],
        cwd="/",
        capture_output=True,
        check=False,
        **_account(),
    )
    assert done.returncode == 0, f"{program}: {(done.stdout + done.stderr).decode(errors='replace')}"


def _start(program: str, *arguments: str | Path, log: Path) -> "subprocess.Popen[bytes]":
    with (log / "log").open("ab") as output:
        return subprocess.Popen(
            [_program(program) or program, *arguments], cwd="/", stdout=output, stderr=output, **_account()
        )


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _signalled(pid: int, signal_: signal.Signals) -> bool:
    try:
        os.kill(pid, signal_)
    except ProcessLookupError:
        return False
    return True
