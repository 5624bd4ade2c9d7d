from unittest.mock import AsyncMock

import pytest
from httpx2 import Response

from api.orders.initial_projection import InitialProjection
from api.orders.starting import Starting
from runtime.settings import Settings
from tests.api.problems import assert_problem
from tests.api.service import CONTRACT_BODY, Service


@pytest.fixture
def settings(without_temporal: Settings) -> Settings:
    return without_temporal


@pytest.mark.parametrize(
    "path", ["/", "/nothing", "/orders/", "/orders/a/b", "/managementCenters", "/installations/a/b"]
)
async def test_a_path_that_leads_nowhere_is_not_found(service: Service, path: str) -> None:
    assert_problem(await service.http.get(path), 404, "not-found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/orders", {"POST"}),
        ("DELETE", "/orders/one", {"GET"}),
        ("POST", "/orderStatuses", {"GET"}),
        ("PUT", "/managementCenters/engineers", {"GET", "POST"}),
        ("POST", "/managementCenters/engineers/one", {"GET", "PATCH", "DELETE"}),
        ("PUT", "/managementCenters/products/a/b", {"GET", "PATCH", "DELETE"}),
        ("BREW", "/orders", {"POST"}),
    ],
)
async def test_a_method_that_a_path_does_not_have_is_not_allowed(
    service: Service, method: str, path: str, allowed: set[str]
) -> None:
    answer = await service.http.request(method, path)

    assert_problem(answer, 405, "method-not-allowed")
    assert set(answer.headers["Allow"].split(", ")) == allowed


async def test_a_failure_of_our_own_is_counted_and_tells_nothing_of_what_was_sent(
    service: Service,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: object) -> Response:
        raise KeyError("PERSONAL")

    monkeypatch.setattr(Starting, "start", AsyncMock(return_value=True))
    monkeypatch.setattr(service.app.state.services.get(InitialProjection), "add", fail)

    answer = await service.http.post("/orders", json=CONTRACT_BODY)

    assert_problem(answer, 500, "internal-error")
    counted = (await service.http.get("/metrics")).text
    assert 'http_request_seconds_count{method="POST",route="/orders",status="500"} 1.0' in counted
    assert "PERSONAL" not in answer.text + caplog.text + "".join(capfd.readouterr())


async def test_the_documentation_is_served(service: Service) -> None:
    assert "/openapi.json" in (await service.http.get("/docs")).text
