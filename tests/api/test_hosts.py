"""How a request names the server, and what a page in a browser of this machine may do where no tokens are needed."""

import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import pytest

from runtime.settings import Settings
from tests.api.issuer import Issuer
from tests.api.known import bearer
from tests.api.problems import assert_problem
from tests.api.service import MOON, Service, but, listening, serving
from tests.eventually import PATIENCE

CHANGE = "/managementCenters/serviceAreas/kr-11"
"""What a request without a body can change."""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with listening(Settings(data_dir=tmp_path_factory.mktemp("data"), temporal_port=1)) as url:
        yield url


def status_of(url: str, version: str, *hosts: str) -> int:
    host, _, port = url.removeprefix("http://").partition(":")
    head = "".join([f"GET /health/live HTTP/{version}\r\n", *(f"Host: {name}\r\n" for name in hosts), "\r\n"])
    with socket.create_connection((host, int(port)), PATIENCE) as connection:
        connection.sendall(head.encode())
        return int(connection.recv(100).split()[1])


@pytest.mark.parametrize(
    ("version", "hosts", "status"),
    [
        ("1.1", (), 400),
        ("1.1", ("localhost", "localhost"), 400),
        ("1.0", ("localhost", "rebound.example"), 400),
        ("1.0", (), 200),
        ("1.1", ("",), 403),
        ("1.1", ("[::1",), 403),
        ("1.1", ("rebound.example",), 403),
        ("1.1", ("127.0.0.1.rebound.example:8080",), 403),
        ("1.1", ("192.0.2.1",), 403),
        ("1.1", ("localhost",), 200),
        ("1.1", ("LOCALHOST:1",), 200),
        ("1.1", ("api.localhost",), 200),
        ("1.1", ("127.0.0.1:8080",), 200),
        ("1.1", ("[::1]:8080",), 200),
    ],
)
def test_a_request_names_this_server_once(url: str, version: str, hosts: Sequence[str], status: int) -> None:
    assert status_of(url, version, *hosts) == status


@pytest.fixture
async def service(without_temporal: Settings) -> AsyncIterator[Service]:
    changed = but(without_temporal, cors_origins="https://desk.example", allowed_hosts="orders.example")
    async with serving(changed) as service:
        yield service


async def test_a_name_may_be_configured_for_a_proxy(service: Service) -> None:
    for host, status in (("orders.example", 200), ("Orders.Example:443", 200), ("other.example", 403)):
        assert (await service.http.get("/orderStatuses", headers={"Host": host})).status_code == status, host


OTHER_PAGES: Sequence[dict[str, str]] = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "https://elsewhere.example", "Sec-Fetch-Site": "cross-site"},
    {"Origin": "https://elsewhere.example"},
    {"Origin": "http://localhost:9"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "http://rebound.example", "Host": "rebound.example"},
    {"Origin": "http://127.0.0.1:8233"},
]
OWN_PAGES: Sequence[dict[str, str]] = [
    {},
    {"Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "none"},
    {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"},
    {"Origin": "https://orders.example", "Host": "orders.example"},
    {"Origin": "https://desk.example", "Sec-Fetch-Site": "cross-site"},
]


async def test_a_page_of_another_site_changes_nothing(service: Service) -> None:
    for headers in OTHER_PAGES:
        for method, path in (("DELETE", CHANGE), ("POST", "/orders/some-order/cancel"), ("PUT", "/nothing")):
            answer = await service.http.request(method, path, headers=headers)
            assert answer.status_code == 403, (method, headers)
            assert_problem(answer, 403, "forbidden")
    assert (await service.http.get(CHANGE)).status_code == 200


async def test_this_machine_and_the_named_pages_can_change_something(service: Service) -> None:
    for number, headers in enumerate(OWN_PAGES):
        area = MOON | {"region": f"KR-9{number}", "matches": [f"Moon {number}"]}
        answer = await service.http.post("/managementCenters/serviceAreas", json=area, headers=headers)
        assert answer.status_code == 201, (headers, answer.text)


async def test_pages_of_the_web_ui_may_use_the_codec_alone(service: Service) -> None:
    page = {"Origin": "http://localhost:8233", "Sec-Fetch-Site": "cross-site"}

    assert (await service.http.post("/codec/default/decode", json={"payloads": []}, headers=page)).status_code == 200
    assert_problem(await service.http.delete(CHANGE, headers=page), 403, "forbidden")


async def test_with_tokens_any_name_and_any_page_will_do(without_temporal: Settings, tmp_path: Path) -> None:
    issuer = Issuer(tmp_path / "keys.json")
    headers = {"Host": "any.example", "Origin": "https://elsewhere.example", **bearer(issuer.token("kim", "manager"))}
    async with serving(but(without_temporal, **issuer.settings)) as service:
        assert (await service.http.delete(CHANGE, headers=headers)).status_code in (204, 409)
