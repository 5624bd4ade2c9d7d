"""What the image copies runs as its user from files that it cannot write, whatever the umask of the clone."""

import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path

import pytest

from domain.common import contexts
from harness.ports import free_ports
from harness.waiting import PATIENCE, eventually
from runtime import development_issuer
from runtime.key_files import new_key
from tests.deploy import image_user
from tests.deploy.image import DOCKERFILE, PROJECT, files
from tests.encryption import KEYS
from tests.processes import starts_processes

_CONTEXTS = tuple(context.replace("-", "_") for context in contexts.STORES)


@dataclass(frozen=True)
class Image:
    """The image's file system, as far as it is ours."""

    app: Path
    home: Path

    def start(self, command: Sequence[str], **settings: str) -> subprocess.Popen[bytes]:
        environment = {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONUNBUFFERED": "1",
            "SECRETS_DIR": str(self.home / "secrets"),
            **settings,
        }
        return image_user.start(command, self.app, environment, self.home / "log")

    def run(self, command: Sequence[str], **settings: str) -> int:
        return self.start(command, **settings).wait(PATIENCE)


@pytest.fixture(scope="module")
@starts_processes()
def image() -> Iterator[Image]:
    # Not in pytest's own directory, which is closed to other users.
    home = Path(tempfile.mkdtemp(prefix="image-"))
    try:
        home.chmod(0o755)
        yield Image(_app(home / "app"), home)
    finally:
        for place in home.rglob("*"):
            if place.is_dir() and not place.is_symlink():
                place.chmod(0o700)
        shutil.rmtree(home)


def _app(app: Path) -> Path:
    """Copy what the image has, from a clone made under umask 077, and run the Dockerfile's own steps on it."""
    for file in files():
        for folder in reversed((app / file).parents[: len(file.parts)]):
            folder.mkdir(mode=0o700, exist_ok=True)
        shutil.copyfile(PROJECT / file, app / file)
        (app / file).chmod(0o600)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    # "WORKDIR" is made by the builder, for all; the modes of what is copied there are the clone's.
    app.chmod(0o755)
    for step in re.findall(r"^RUN (.* \. .*)$", DOCKERFILE.partition("WORKDIR /app")[2], re.MULTILINE):
        subprocess.run(["/bin/sh", "-c", step], cwd=app, env={"PATH": path}, check=True, timeout=PATIENCE)
    for place in [app, *app.rglob("*")]:
        place.chmod(place.stat().st_mode & ~0o222)
    return app


def _secrets(home: Path) -> None:
    """Write the secrets as Kubernetes mounts them: for the user's group, to be read."""
    data = home / "data"
    data.mkdir(mode=0o700)
    image_user.own(data)
    values = {"payload_keys": KEYS, "access_log_key": new_key()}
    values |= {f"{context}_database_url": f"sqlite:///{data}/{context}.db" for context in _CONTEXTS}
    (home / "secrets").mkdir()
    (home / "secrets").chmod(0o755)
    for name, value in values.items():
        file = home / "secrets" / name
        file.write_text(value)
        file.chmod(0o440)
        image_user.own(file)


def test_every_user_can_read_what_was_copied_and_nobody_can_write_it(image: Image) -> None:
    places = [image.app, *image.app.rglob("*")]
    assert [place for place in places if place.stat().st_mode & 0o005 != (0o005 if place.is_dir() else 0o004)] == []

    written = "import os, pathlib; assert os.geteuid() == int(os.environ['USER_ID']); pathlib.Path('new').touch()"
    status = image.run(["python", "-c", written], USER_ID=str(image_user.user()))

    assert status != 0 or image_user.user() == 0
    assert "PermissionError" in (image.home / "log").read_text() or image_user.user() == 0


async def test_the_processes_become_ready_and_stop(image: Image, temporal_address: str) -> None:
    _secrets(image.home)
    development_issuer.publish(image.home / "issuer")
    (image.home / "issuer").chmod(0o755)
    api_port, worker_port = free_ports(2)
    settings = {
        "TEMPORAL_ADDRESS": temporal_address,
        "TEMPORAL_NAMESPACE": await _namespace(temporal_address),
        "API_PORT": str(api_port),
        "WORKER_PORT": str(worker_port),
        "AUTH_ISSUER": development_issuer.ISSUER,
        "AUTH_AUDIENCE": development_issuer.AUDIENCE,
        "AUTH_JWKS_URL": (image.home / "issuer" / "issuer_keys.json").as_uri(),
    }
    assert image.run(["python", "-m", "stores.migration"], **settings) == 0, (image.home / "log").read_text()
    running: dict[int, subprocess.Popen[bytes]] = {}
    try:
        running[api_port] = image.start(["python", "-m", "api"], **settings)
        running[worker_port] = image.start(["python", "worker.py"], **settings)
        for port, process in running.items():
            await asyncio.to_thread(_until_ready, image, port, process, settings)
            assert image_user.user() in _users(process)
    finally:
        for process in running.values():
            process.send_signal(signal.SIGTERM)
        stopped = [process.wait(PATIENCE) for process in running.values()]

    assert stopped == [0, 0], (image.home / "log").read_text()


def _until_ready(image: Image, port: int, process: subprocess.Popen[bytes], settings: Mapping[str, str]) -> None:
    def ready() -> bool:
        assert process.poll() is None, (image.home / "log").read_text()
        connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        try:
            connection.request("GET", "/health/ready")
            return connection.getresponse().status == HTTPStatus.OK
        except OSError:
            return False
        finally:
            connection.close()

    eventually(ready, what=f"ready on {port}")
    probe = ["python", "-m", "ops.probe", f"http://127.0.0.1:{port}/health/live"]
    # A probe gives up after two seconds, which a busy machine may take.
    eventually(lambda: image.run(probe, **settings) == 0, what=f"{port} is probed")


def _users(process: subprocess.Popen[bytes]) -> set[int]:
    """Return the users of a process, where the machine tells."""
    status = Path(f"/proc/{process.pid}/status")
    found = re.search(r"^Uid:(.*)$", status.read_text(), re.MULTILINE) if status.exists() else None
    return set(map(int, found[1].split())) if found else {image_user.user()}


async def _namespace(address: str) -> str:
    """Make a namespace of its own on the shared server, by the script of the deployment."""
    namespace = f"image-{os.getpid()}-{time.monotonic_ns()}"
    environment = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "TEMPORAL_ADDRESS": address,
        "TEMPORAL_NAMESPACE": namespace,
    }
    script = PROJECT / "deploy" / "temporal" / "namespace.sh"

    def made() -> bool:
        done = subprocess.run(["/bin/sh", script], env=environment, check=False, capture_output=True, timeout=PATIENCE)
        return done.returncode == 0

    await asyncio.to_thread(eventually, made, what="the namespace")
    return namespace
