"""The image contains what runs, and nothing else."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import packages_distributions
from pathlib import Path
from threading import Thread

import pytest

from harness.waiting import PATIENCE
from tests.deploy.image import DOCKERFILE, PROJECT, files
from tests.eventually import eventually

_REQUIREMENTS = (PROJECT / "requirements" / "service.txt").read_text()


@pytest.mark.usefixtures("processes")
def test_every_program_of_the_image_finds_all_that_it_imports(tmp_path: Path) -> None:
    for file in files():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_bytes((PROJECT / file).read_bytes())
    programs = [".".join(file.with_suffix("").parts) for file in files() if file.parts[0] in ("worker.py", "ops")]

    subprocess.run(
        [sys.executable, "-c", f"import api.__main__, console.__main__, stores.migration, {', '.join(programs)}"],
        cwd=tmp_path,
        check=True,
        timeout=PATIENCE,
    )

    assert {"worker", "ops.probe", "ops.promote_build"} <= set(programs)


def test_every_program_that_is_to_run_in_a_container_is_in_it() -> None:
    """In documents and scripts, in pages of Kubernetes, and in docker-compose.yml."""
    texts = [file.read_text() for file in (*PROJECT.glob("docs/*.md"), *PROJECT.glob("deploy/**/*.sh"))]
    in_containers = [line for text in texts for line in text.splitlines() if re.search("docker compose|kubectl", line)]
    manifests = [file.read_text() for file in (PROJECT / "docker-compose.yml", *PROJECT.glob("deploy/**/*.yaml"))]
    named = r"python3?\"?,? -m |python3?\", \"-m\", \""

    programs = {name for text in (*in_containers, *manifests) for name in re.findall(rf"(?:{named})([a-z_.]+)", text)}

    assert {"ops.renumber_events", "ops.rebuild_view", "ops.probe", "ops.promote_build"} <= programs
    places = {".".join(file.with_suffix("").parts) for file in files()}
    own = {name for name in programs if (PROJECT / name.partition(".")[0]).is_dir()}
    assert {name for name in own if not {name, f"{name}.__main__"} & places} == set()


def test_nothing_else_is_in_it() -> None:
    assert {file.parts[0] for file in files() if len(file.parts) > 1} == {
        *("activities", "api", "console", "domain", "observability", "ops", "runtime", "stores", "workflows")
    }
    assert not {"demo.py", "first_products.py", "backup.py", "issue_token.py", "temporal_credentials.py"} & {
        file.name for file in files()
    }


def test_every_library_that_it_imports_is_among_the_locked_requirements() -> None:
    locked = set(re.findall(r"^([a-z0-9-]+)(?:\[[a-z,]+\])?==", _REQUIREMENTS, re.MULTILINE))
    own = {file.parts[0].removesuffix(".py") for file in files()}
    distributions = packages_distributions()

    imported = {name for file in files() if file.suffix == ".py" for name in _imports(PROJECT / file)}

    missing = {
        name
        for name in imported - own - sys.stdlib_module_names
        if not locked & {found.lower().replace("_", "-").replace(".", "-") for found in distributions.get(name, [])}
    }
    assert not missing


def test_it_is_pinned_locked_and_not_roots() -> None:
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert all(re.fullmatch(r"python:3\.\d+\.\d+-slim-[a-z]+", base) for base in bases)
    assert len(set(bases)) == 1
    assert "--require-hashes" in DOCKERFILE
    assert re.search(r"^USER (?!0)\d+:\d+$", DOCKERFILE, re.MULTILINE)


@pytest.fixture
def server() -> Iterator[HTTPServer]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/well" else 503)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its own name
            """Log nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        yield server
        server.shutdown()


@pytest.mark.usefixtures("processes")
@pytest.mark.parametrize(("path", "status"), [("/well", 0), ("/ill", 1)])
def test_the_probe_says_by_its_status_whether_the_process_is_well(server: HTTPServer, path: str, status: int) -> None:
    url = f"http://127.0.0.1:{server.server_port}{path}"
    # A probe gives up after two seconds, which a busy machine may take.
    eventually(lambda: _probe(url) == status, what=f"{path} is probed with {status}")


@pytest.mark.usefixtures("processes")
def test_the_probe_says_that_nobody_answers(server: HTTPServer) -> None:
    server.shutdown()
    server.server_close()

    assert _probe(f"http://127.0.0.1:{server.server_port}/well") == 1


@pytest.mark.usefixtures("processes")
def test_the_probe_asks_the_process_and_no_proxy(server: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Docker gives every container the proxies of its client's configuration."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)

    url = f"http://127.0.0.1:{server.server_port}/well"
    eventually(lambda: _probe(url) == 0, what="the process itself is asked")


def _probe(url: str) -> int:
    return subprocess.run(
        [sys.executable, "-m", "ops.probe", url], cwd=PROJECT, check=False, timeout=PATIENCE
    ).returncode


def _imports(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]
