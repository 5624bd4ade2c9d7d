"""Who speaks to Temporal in production shows a certificate and a token: the files, and connections with them.

The embedded server has no TLS. A door in front of it has: it ends TLS as the manifests have Temporal do it.
"""

import asyncio
import os
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
import yaml
from temporalio.envconfig import ClientConfigProfile

from ops import temporal_credentials
from ops.temporal_credentials import AUDIENCE, LASTS, SERVERS
from runtime import temporal_client
from runtime.settings import Settings
from runtime.temporal_client import check, connect
from tests.deploy.kubernetes import KUBERNETES, environment, named, rendered, workloads
from tests.eventually import PATIENCE
from tests.processes import starts_processes

pytestmark = pytest.mark.usefixtures("processes")
"""The tests run kubectl, which renders the manifests."""

_VALUES: dict[str, Any] = yaml.safe_load((KUBERNETES / "temporal" / "values.yaml").read_text())
_DEVELOPMENT: dict[str, Any] = yaml.safe_load((KUBERNETES / "temporal" / "development.yaml").read_text())
_CONFIG = _VALUES["server"]["config"]
_MOUNT = "/etc/subscription-orders/temporal"
_CLUSTER_MOUNT = "/etc/temporal/identity"
_FRONTEND = "temporal-frontend.temporal"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("temporal")
    temporal_credentials.make(directory, "orders")
    return directory


@pytest.fixture(scope="module")
@starts_processes()
def ours(made: Path) -> dict[str, str]:
    """The environment of our pods in production, with the files where they are here."""
    objects = rendered("production")
    found = environment(objects, named(objects, "Deployment", "api")[0])
    local = {name: value.replace(_MOUNT, str(made / "client")) for name, value in found.items() if _MOUNT in value}
    return {**local, "TEMPORAL_TLS_SERVER_NAME": _FRONTEND}


@asynccontextmanager
async def _door(address: str, made: Path, authority: str) -> AsyncIterator[str]:
    """Serve the server at `address` by TLS to whoever has a certificate of the authority. Yields the `host:port`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made / "cluster" / "tls.crt", made / "cluster" / "tls.key")
    context.load_verify_locations(made / "cluster" / authority)
    context.verify_mode = ssl.CERT_REQUIRED
    context.set_alpn_protocols(["h2"])
    host, _, port = address.partition(":")

    loop = asyncio.get_running_loop()

    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
        raise EOFError

    async def serve(accepted: socket.socket) -> None:
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        with suppress(OSError, EOFError):
            transport, _ = await loop.connect_accepted_socket(lambda: protocol, accepted, ssl=context)
            writer = asyncio.StreamWriter(transport, protocol, reader, loop)
            async with _closing(writer):
                inner_reader, inner_writer = await asyncio.open_connection(host, int(port))
                async with _closing(inner_writer):
                    await asyncio.gather(pour(reader, inner_writer), pour(inner_reader, writer))

    async def accept(door: socket.socket) -> None:
        # Not by `start_server`, which would leave a handshake that is under way behind.
        async with asyncio.TaskGroup() as serving:
            while True:
                accepted, _ = await loop.sock_accept(door)
                serving.create_task(serve(accepted))

    with socket.create_server(("127.0.0.1", 0)) as door:
        door.setblocking(False)
        accepting = asyncio.create_task(accept(door))
        try:
            yield f"127.0.0.1:{door.getsockname()[1]}"
        finally:
            accepting.cancel()
            await asyncio.wait([accepting])


@asynccontextmanager
async def _closing(writer: asyncio.StreamWriter) -> AsyncIterator[None]:
    """Close a connection at the end, also one whose other end does not."""
    try:
        yield
    finally:
        writer.transport.abort()
        with suppress(OSError):
            await writer.wait_closed()


async def test_a_process_connects_with_what_its_pod_has(
    temporal_address: str, made: Path, ours: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with _door(temporal_address, made, "clients_ca.crt") as address:
        _set(monkeypatch, ours)
        monkeypatch.setattr(temporal_client, "_PROBE_WITHIN", timedelta(seconds=PATIENCE))

        client = await connect(Settings(temporal_address=address))

        await check(client)
        assert client.service_client.config.api_key == (made / "client" / "api_key").read_text()


@pytest.mark.parametrize("lacking", ["certificate", "authority", "name"])
async def test_nobody_connects_without_a_certificate_of_the_clients_or_to_another_server(
    lacking: str,
    temporal_address: str,
    made: Path,
    ours: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    changed = dict(ours)
    if lacking == "certificate":
        del changed["TEMPORAL_TLS_CLIENT_CERT_PATH"], changed["TEMPORAL_TLS_CLIENT_KEY_PATH"]
    elif lacking == "authority":
        temporal_credentials.make(tmp_path, "orders")
        for name in ("TEMPORAL_TLS_CLIENT_CERT_PATH", "TEMPORAL_TLS_CLIENT_KEY_PATH"):
            changed[name] = ours[name].replace(str(made), str(tmp_path))
    else:
        changed["TEMPORAL_TLS_SERVER_NAME"] = "temporal.example"
    async with _door(temporal_address, made, "clients_ca.crt") as address:
        _set(monkeypatch, changed)

        with pytest.raises(RuntimeError):
            await asyncio.wait_for(connect(Settings(temporal_address=address)), PATIENCE)


async def test_a_client_does_not_pass_for_one_of_temporals_services(
    temporal_address: str, made: Path, ours: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with _door(temporal_address, made, "ca.crt") as address:
        _set(monkeypatch, ours)

        with pytest.raises(RuntimeError):
            await asyncio.wait_for(connect(Settings(temporal_address=address)), PATIENCE)


async def test_the_admin_tools_connect_as_one_of_temporals_services(temporal_address: str, made: Path) -> None:
    files = {
        variable["name"]: variable["value"].replace(_CLUSTER_MOUNT, str(made / "cluster"))
        for variable in _VALUES["admintools"]["additionalEnv"]
    }
    async with _door(temporal_address, made, "ca.crt") as address:
        process = await asyncio.create_subprocess_exec(
            Path(sys.executable).with_name("temporal"),
            *("operator", "namespace", "describe", "--namespace", "default"),
            env={
                **files,
                "HOME": str(made),
                "TEMPORAL_ADDRESS": address,
                "TEMPORAL_TLS_SERVER_NAME": "temporal-internal-frontend",
            },
            stdout=asyncio.subprocess.DEVNULL,
        )
        assert await process.wait() == 0


def test_a_token_says_what_its_holder_may_do(made: Path) -> None:
    keys = jwt.PyJWKSet.from_json((made / "cluster" / "tokens.json").read_text())
    for folder, permission in (("client", "orders:write"), ("keda", "orders:read")):
        token = (made / folder / "api_key").read_text()
        key = keys[jwt.get_unverified_header(token)["kid"]]
        claims = jwt.decode(token, key, ["ES256"], audience=_CONFIG["authorization"]["audience"])
        assert claims[_CONFIG["authorization"]["permissionsClaimName"]] == [permission]
        assert isinstance(claims["sub"], str)


def test_the_token_is_in_a_file_and_in_no_environment(ours: dict[str, str]) -> None:
    profile = ClientConfigProfile.load(override_env_vars=ours)

    assert profile.api_key
    assert not [value for value in ours.values() if profile.api_key in value]


def test_whatever_a_manifest_names_is_made(made: Path) -> None:
    def named_in(value: Any) -> set[str]:
        if isinstance(value, Mapping):
            return set().union(*map(named_in, value.values()))
        if isinstance(value, list):
            return set().union(*map(named_in, value))
        parts = str(value).removeprefix("file://").rpartition("/")
        return {parts[2]} if parts[0] == _CLUSTER_MOUNT else set()

    assert named_in(_VALUES) == {file.name for file in (made / "cluster").iterdir()}
    (authentication,) = named(rendered("production"), "TriggerAuthentication")
    for source in authentication["spec"]["secretTargetRef"]:
        assert source["name"] == "temporal-keda"
        assert (made / "keda" / source["key"]).read_text()


def test_every_name_by_which_temporal_is_called_is_in_its_certificate() -> None:
    (settings,) = named(rendered("production"), "ConfigMap", "promotion")

    assert settings["data"]["TEMPORAL_ADDRESS"].partition(":")[0] in SERVERS
    assert _CONFIG["tls"]["internode"]["client"]["serverName"] in SERVERS
    assert _VALUES["web"]["temporalAddress"].partition(":")[0] in SERVERS
    assert _CONFIG["authorization"]["audience"] == AUDIENCE


def test_somebody_is_told_a_month_before_they_expire() -> None:
    hours = {name: int(value.removesuffix("h")) for name, value in _CONFIG["tls"]["expirationChecks"].items()}

    assert hours["warningWindow"] == 30 * 24
    assert hours["checkInterval"] > 0
    assert LASTS.days > 365


def test_temporal_asks_everybody_who_they_are() -> None:
    tls = _CONFIG["tls"]

    assert tls["frontend"]["server"]["requireClientAuth"] is True
    assert tls["internode"]["server"]["requireClientAuth"] is True
    assert tls["frontend"]["server"]["clientCaFiles"] != tls["internode"]["server"]["clientCaFiles"]
    assert (_CONFIG["authorization"]["authorizer"], _CONFIG["authorization"]["claimMapper"]) == ("default", "default")
    # With an authorizer, Temporal's own services need a door without tokens.
    assert _VALUES["server"]["internal-frontend"]["enabled"] is True


def test_every_process_that_talks_to_temporal_has_its_identity_and_development_has_none() -> None:
    for overlay, expected in (("production", {"temporal-client"}), ("development", set())):
        for workload in workloads(rendered(overlay)):
            pod = workload["spec"]["template"]["spec"]
            volumes = {volume["secret"]["secretName"] for volume in pod["volumes"] if volume["name"] == "temporal"}
            talks = "TEMPORAL_ADDRESS" in environment(rendered(overlay), workload)
            assert volumes == (expected if talks else set())
    for workload in workloads(rendered("cloud")):
        sources = workload["spec"]["template"]["spec"]["containers"][0].get("envFrom", [])
        talks = "TEMPORAL_ADDRESS" in environment(rendered("cloud"), workload)
        assert ({"secretRef": {"name": "temporal-cloud"}} in sources) == talks
    for part in ("tls", "authorization"):
        assert _DEVELOPMENT["server"]["config"][part] is None
    for part in ("server", "admintools", "web"):
        assert _DEVELOPMENT[part]["additionalVolumes"] == _DEVELOPMENT[part]["additionalVolumeMounts"] == []


def test_only_their_owner_reads_the_keys_and_renewing_keeps_the_authorities(made: Path) -> None:
    files = [file for file in made.rglob("*") if file.is_file() and file.name != "issuer_keys.json"]
    before = {file: file.read_bytes() for file in files}

    temporal_credentials.make(made, "orders")

    assert {file for file in files if file.stat().st_mode & 0o077} == set()
    kept = {str(file.relative_to(made)) for file, content in before.items() if file.read_bytes() == content}
    assert kept == {
        *("cluster_ca.key", "cluster_ca.crt", "clients_ca.key", "clients_ca.crt", "issuer.pem"),
        *("cluster/ca.crt", "cluster/clients_ca.crt", "cluster/tokens.json", "client/ca.crt", "keda/ca.crt"),
    }


def _set(monkeypatch: pytest.MonkeyPatch, variables: Mapping[str, str]) -> None:
    for name in [name for name in os.environ if name.startswith("TEMPORAL_TLS")]:
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
