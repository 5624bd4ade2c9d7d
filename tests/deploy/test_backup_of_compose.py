"""PostgreSQL of docker-compose.yml: how it is set up, when it is healthy, and how it is copied and restored.

The scripts run as they are, on a real server. `docker` is a stand-in that runs the container's command here.
"""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from harness.databases import POSTGRESQL, Server, kinds, servers
from harness.waiting import PATIENCE
from tests.deploy.image import PROJECT
from tests.processes import starts_processes

pytestmark = pytest.mark.skipif(POSTGRESQL not in kinds(), reason="PostgreSQL is not installed")

_HEALTH = yaml.safe_load((PROJECT / "docker-compose.yml").read_text())["services"]["postgres"]["healthcheck"]["test"]
_CONTEXTS = ("management_center", "installation", "event_delivery", "order_status", "audit")
_OWNERS = {**{name: name for name in ("temporal", *_CONTEXTS)}, "temporal_visibility": "temporal"}
_DOCKER = """#!/bin/sh
if [ "$1 $2 $3 $4 $5" = "compose run -T --rm --no-deps" ]; then
    [ "$BROKEN" != "$6" ] || exit 1
    shift 5
    echo "$*" >>"$HOME/run"
    exit
fi
[ "$1 $2 $3 $4" = "compose exec -T postgres" ] || exit 64
[ "$BROKEN" != "$5" ] || exit 1
shift 4
if [ "$1" = pg_dump ]; then
    for database; do :; done
    [ -s "$HOME/backup.unfinished/temporal.dump" ] && moment=later || moment=first
    echo "$database $moment" >>"$HOME/copied"
fi
exec "$@"
"""


class Compose:
    """The database of docker-compose.yml, and whoever works with it from outside."""

    def __init__(self, server: Server, home: Path) -> None:
        self._server = server
        self.home = home
        self.secrets = home / "secrets"
        self.secrets.mkdir()
        for name in {*_OWNERS.values(), "audit_writer"}:
            (self.secrets / f"{name}_password").write_text(f"word of {name}")
        (home / "bin").mkdir()
        (home / "bin" / "docker").write_text(_DOCKER)
        (home / "bin" / "docker").chmod(0o755)

    def run(self, *command: str | Path, **variables: str) -> int:
        environment = {
            "PATH": f"{self.home / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "PGHOST": "127.0.0.1",
            "PGPORT": str(self._server.port),
            "POSTGRES_USER": "postgres",
            "SECRETS_DIR": str(self.secrets),
            "BROKEN": "",
            "HOME": str(self.home),
            **variables,
        }
        return subprocess.run(
            command, env=environment, check=False, stdout=subprocess.DEVNULL, timeout=PATIENCE
        ).returncode

    def set_up(self) -> int:
        return self.run("/bin/sh", PROJECT / "deploy" / "postgres" / "databases.sh")

    def is_healthy(self) -> bool:
        return self.run(*_HEALTH[1:]) == 0

    def ask(self, database: str, *statements: str, user: str = "postgres") -> str:
        done = subprocess.run(
            [
                *("psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"),
                *(f"--command={statement}" for statement in statements),
                f"postgresql://{user}@127.0.0.1:{self._server.port}/{database}",
            ],
            check=True,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        return done.stdout.strip()

    def fill(self) -> None:
        """Write something into each database, as its owner."""
        for database, owner in _OWNERS.items():
            written = "INSERT INTO noted VALUES (current_database())"
            self.ask(database, "CREATE TABLE noted (what text)", written, user=owner)
        # As Temporal's schema does: only the owner of the database may.
        self.ask("temporal_visibility", "CREATE EXTENSION btree_gin", user="temporal")
        self.ask("audit", "GRANT SELECT ON noted TO audit_writer", user="audit")

    def begin_anew(self) -> None:
        """Remove everything, as a new volume does."""
        self.ask(
            "postgres",
            *(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)" for database in _OWNERS),
            *(f"DROP ROLE IF EXISTS {role}" for role in {*_OWNERS.values(), "audit_writer"}),
        )


@pytest.fixture(scope="module")
@starts_processes()
def server() -> Iterator[Server]:
    with servers() as running:
        yield running[POSTGRESQL]


@pytest.fixture
def compose(server: Server, tmp_path: Path) -> Iterator[Compose]:
    found = Compose(server, tmp_path)
    yield found
    found.begin_anew()


def test_it_is_healthy_only_when_it_has_been_set_up_to_the_end(compose: Compose) -> None:
    assert not compose.is_healthy()
    (compose.secrets / "audit_writer_password").rename(compose.home / "away")

    assert compose.set_up() != 0
    assert not compose.is_healthy()

    (compose.home / "away").rename(compose.secrets / "audit_writer_password")
    compose.begin_anew()
    assert compose.set_up() == 0
    assert compose.is_healthy()


def test_a_context_that_a_later_release_adds_is_set_up_beside_those_that_are_there(compose: Compose) -> None:
    assert compose.set_up() == 0
    compose.fill()
    compose.ask("postgres", "DROP DATABASE event_delivery WITH (FORCE)", "DROP ROLE event_delivery")

    assert compose.set_up() == 0

    assert compose.ask("event_delivery", "SELECT current_user", user="event_delivery") == "event_delivery"
    assert compose.ask("installation", "SELECT what FROM noted", user="installation") == "installation"


def test_a_backup_is_whole_and_is_restored_into_new_databases_alone(compose: Compose) -> None:
    backup = compose.home / "backup"
    assert compose.set_up() == 0
    compose.fill()

    # One that fails is none.
    assert compose.run(PROJECT / "deploy" / "backup.sh", backup, BROKEN="pg_dump") != 0
    assert not [place for place in compose.home.iterdir() if place.name.startswith("backup")]

    assert compose.run(PROJECT / "deploy" / "backup.sh", backup) == 0
    # No store is copied before what Temporal's copy contains is fixed.
    copied = (compose.home / "copied").read_text().splitlines()
    assert copied[0] == "temporal first"
    stores = "management_center", "installation", "event_delivery", "temporal_visibility"
    assert set(copied[1:5]) == {f"{name} later" for name in stores}
    # The log of events knows how far it has read the outbox that is in the view's database.
    assert copied[5:] == ["order_status later", "audit later"]
    assert {place.stat().st_mode & 0o077 for place in [backup, *backup.iterdir()]} == {0}

    # It is not replaced, and not restored over data.
    compose.ask("installation", "UPDATE noted SET what = 'later'")
    compose.ask("temporal", "DROP TABLE noted")
    assert compose.run(PROJECT / "deploy" / "backup.sh", backup) != 0
    assert compose.run(PROJECT / "deploy" / "restore.sh", backup) != 0
    assert compose.ask("installation", "SELECT what FROM noted") == "later"
    assert compose.ask("temporal", "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == "0"
    assert not (compose.home / "run").exists()

    compose.begin_anew()
    assert compose.set_up() == 0
    assert compose.run(PROJECT / "deploy" / "restore.sh", backup, BROKEN="migrations") != 0
    compose.begin_anew()
    assert compose.set_up() == 0
    assert compose.run(PROJECT / "deploy" / "restore.sh", backup) == 0
    for database, owner in _OWNERS.items():
        owned = "SELECT tableowner FROM pg_tables WHERE tablename = 'noted'"
        assert compose.ask(database, "SELECT what FROM noted", owned, user=owner).split() == [database, owner]
    assert compose.ask("audit", "SELECT what FROM noted", user="audit_writer") == "audit"
    # Whoever reads events has seen numbers that the copy does not know.
    assert (compose.home / "run").read_text() == "migrations python -m ops.renumber_events\n"
