"""Temporary PostgreSQL and MariaDB servers: unprivileged, on free ports, with data that are deleted at the end."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from harness.ports import free_port
from harness.waiting import PATIENCE, eventually

SQLITE, POSTGRESQL, MARIADB = "sqlite", "postgresql", "mariadb"
_PROGRAMS = {
    SQLITE: (),
    POSTGRESQL: ("initdb", "postgres"),
    MARIADB: ("mariadb-install-db", "mariadbd"),
}
_UNPRIVILEGED = "nobody"
"""Account of a server that root starts: PostgreSQL refuses to run as root, and MariaDB advises against it."""
_STOPS_WITHIN = 60


def kinds() -> list[str]:
    """Return the kinds of database whose programs are installed."""
    return [kind for kind in _PROGRAMS if not _not_found(kind)]


def left_out() -> dict[str, list[str]]:
    """Return the other kinds of database, and the missing programs of each."""
    return {kind: missing for kind in _PROGRAMS if (missing := _not_found(kind))}


class ServerFailure(Exception):
    """A server did not start."""


class Server:
    """A server and its data. It can be stopped and restarted."""

    def __init__(self, kind: str, home: Path, *, durable: bool = False) -> None:
        self.kind = kind
        self.port = free_port()
        self._home = home
        self._durable = durable
        self._process: subprocess.Popen[bytes] | None = None
        _own(home)
        _own(_temporary(home))
        _run(*(_new_postgresql(home) if kind == POSTGRESQL else _new_mariadb(home)))

    def start(self) -> None:
        """Start it, and wait until it answers.

        Raises:
            ServerFailure: it exits instead.
            NotInTime: it does not answer.
        """
        command = (_postgresql if self.kind == POSTGRESQL else _mariadb)(self._home, self.port, durable=self._durable)
        log = self._home / "log"
        with log.open("ab") as output:
            process = subprocess.Popen(_found(command), cwd="/", stdout=output, stderr=output, **_account())
        self._process = process

        def answers() -> bool:
            if process.poll() is not None:
                raise ServerFailure(log.read_text(errors="replace"))
            try:
                return bool(self.ask("SELECT 1"))
            except OperationalError:
                return False

        eventually(answers, what=f"{self.kind} ready")

    def end(self) -> None:
        """Shut it down quickly but cleanly. Open connections are closed."""
        if self._process is None:
            return
        # PostgreSQL's "fast" shutdown. MariaDB has only one kind.
        self._process.send_signal(signal.SIGINT if self.kind == POSTGRESQL else signal.SIGTERM)
        try:
            self._process.wait(_STOPS_WITHIN)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def url(self, database: str) -> str:
        """Return the URL of a database, for `Database`."""
        user = "postgres" if self.kind == POSTGRESQL else "root"
        return f"{self.kind}://{user}@127.0.0.1:{self.port}/{database}"

    def fresh(self) -> str:
        """Create an empty database, and return its URL."""
        name = f"test_{uuid.uuid4().hex}"
        self.ask(f"CREATE DATABASE {name}")
        return self.url(name)

    def ask(self, statement: str) -> list[tuple[object, ...]]:
        """Run a statement as the server's owner."""
        with self.engine("postgres" if self.kind == POSTGRESQL else "mysql").connect() as connection:
            result = connection.execute(text(statement))
            return [tuple(row) for row in result] if result.returns_rows else []

    def engine(self, database: str) -> Engine:
        """Return an engine for direct access to a database. Each use is a connection that commits immediately."""
        driver = "postgresql+psycopg" if self.kind == POSTGRESQL else "mysql+pymysql"
        url = make_url(self.url(database)).set(drivername=driver)
        return create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")

    @contextmanager
    def hung(self) -> Iterator[None]:
        """Let the server hang: it accepts connections but answers nothing."""
        stopped: list[int] = []
        try:
            stopped.extend(self._stopped())
            yield
        finally:
            for pid in stopped:
                _signalled(pid, signal.SIGCONT)

    def _stopped(self) -> Iterator[int]:
        """Stop each of the server's processes, and yield its id."""
        if self._process is None:
            return
        if self.kind != POSTGRESQL:
            yield from _stop(self._process.pid)
            return
        # The main process accepts connections and forks one process for each: stop it first, so that no more appear.
        with self.engine("postgres").connect() as connection:
            yield from _stop(self._process.pid)
            others = list(connection.scalars(text("SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()")))
        for pid in others:
            yield from _stop(pid)


class Servers:
    """Servers of one session. Each is started when it is first used."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._running: dict[str, Server] = {}

    def __getitem__(self, kind: str) -> Server:
        """Return the shared server of a kind."""
        return self.own(kind, kind)

    def own(self, kind: str, name: str, *, durable: bool = False) -> Server:
        """Return the server with this name, which can be stopped without affecting other users.

        Args:
            kind: Its kind.
            name: Its name.
            durable: Whether a commit waits for the disk, as in production. Tests need not wait.
        """
        if name not in self._running:
            self._running[name] = server = Server(kind, self._directory / name, durable=durable)
            server.start()
        return self._running[name]

    def stop(self) -> None:
        """Stop all servers."""
        for server in self._running.values():
            server.end()


@contextmanager
def servers() -> Iterator[Servers]:
    """Provide servers and a directory for their data. Both are removed at the end of the block."""
    # Not below pytest's own directory, which the unprivileged account cannot reach.
    with tempfile.TemporaryDirectory(prefix="databases-") as name:
        directory = Path(name)
        directory.chmod(0o755)
        running = Servers(directory)
        try:
            yield running
        finally:
            running.stop()


def _new_postgresql(home: Path) -> Sequence[str]:
    return ("initdb", "-D", str(home), "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")


def _postgresql(home: Path, port: int, *, durable: bool) -> Sequence[str]:
    options = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "max_connections": "200"}
    if not durable:
        options |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
    settings = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    return ("postgres", "-D", str(home), "-p", str(port), *settings)


def _new_mariadb(home: Path) -> Sequence[str]:
    own = ("--no-defaults", f"--datadir={home}", f"--tmpdir={_temporary(home)}")
    return ("mariadb-install-db", *own, "--auth-root-authentication-method=normal", "--skip-test-db")


def _temporary(home: Path) -> Path:
    """Return the directory for a server's temporary files.

    Servers need separate ones: a starting MariaDB removes the files of others, which then crash.
    """
    return home.with_name(f"{home.name}-temporary")


def _mariadb(home: Path, port: int, *, durable: bool) -> Sequence[str]:
    hasty = () if durable else ("--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0")
    return (
        *("mariadbd", "--no-defaults", f"--datadir={home}", f"--tmpdir={_temporary(home)}"),
        *("--bind-address=127.0.0.1", f"--port={port}", f"--socket={home}/socket", f"--pid-file={home}/pid"),
        *("--skip-name-resolve", "--skip-log-bin", "--max-connections=200"),
        *hasty,
    )


def _not_found(kind: str) -> list[str]:
    return [program for program in _PROGRAMS[kind] if _program(program) is None]


def _program(name: str) -> str | None:
    newest_first = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    places = [os.environ.get("PATH", ""), "/usr/sbin", *map(str, newest_first)]
    return shutil.which(name, path=os.pathsep.join(places))


def _account() -> dict[str, Any]:
    """Return the arguments with which `subprocess` drops root's privileges."""
    if os.getuid() != 0:
        return {}
    account = pwd.getpwnam(_UNPRIVILEGED)
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def _own(home: Path) -> None:
    home.mkdir(mode=0o700)
    if os.getuid() == 0:
        account = pwd.getpwnam(_UNPRIVILEGED)
        os.chown(home, account.pw_uid, account.pw_gid)


def _found(command: Sequence[str]) -> Sequence[str]:
    """Return the command with the path of its program."""
    return (_program(command[0]) or command[0], *command[1:])


def _run(*command: str) -> None:
    done = subprocess.run(_found(command), cwd="/", capture_output=True, check=False, timeout=PATIENCE, **_account())
    if done.returncode != 0:
        raise ServerFailure(f"{command[0]}: {(done.stdout + done.stderr).decode(errors='replace')}")


def _stop(pid: int) -> Iterator[int]:
    """Stop a process, and yield its id. Afterwards all its threads stand still."""
    if _signalled(pid, signal.SIGSTOP):
        yield pid
        # One thread takes the signal. Until it gets its turn, which takes long on a busy machine, the others go on.
        eventually(lambda: _stands_still(pid), what=f"process {pid} stands still")


def _stands_still(pid: int) -> bool:
    try:
        states = [task.joinpath("stat").read_text() for task in Path(f"/proc/{pid}/task").iterdir()]
    except (FileNotFoundError, ProcessLookupError):
        return not Path(f"/proc/{pid}").exists()
    return all(state.rpartition(")")[2].split()[0] in "TtZX" for state in states)


def _signalled(pid: int, signal_: signal.Signals) -> bool:
    try:
        os.kill(pid, signal_)
    except ProcessLookupError:
        return False
    return True
