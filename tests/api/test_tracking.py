"""Tracking tokens: what they open, who makes them, and which ones are refused."""

import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from domain.orders import Order, OrderStatus
from domain.visits import TimeWindow
from runtime.key_files import new_key
from runtime.settings import Settings
from stores.order_status.view import OrderStatusStore
from supervisor.part import Part
from supervisor.service import plan
from tests.api.issuer import Issuer, as_pem, unsigned
from tests.api.known import bearer
from tests.api.problems import assert_problem
from tests.api.service import NOWHERE, Service, but, serving, window
from tests.api.trackers import key_in, signed
from tests.eventually import soon

OLD, NEW = f"old:{new_key()}", f"new:{new_key()}"


def an_order(visit_ends: timedelta | None = None) -> Order:
    end = None if visit_ends is None else (datetime.now(UTC) + visit_ends).replace(microsecond=0)
    visit = TimeWindow(end - timedelta(hours=2), end) if end else None
    return Order("own-order", "1", region="KR-11", visit=visit, status=OrderStatus.INSTALLATION_REQUESTED)


@pytest.fixture
def settings(without_temporal: Settings, issuer: Issuer) -> Settings:
    return but(without_temporal, **issuer.settings, rate_limit_anonymous=0, tracking_keys=OLD)


@pytest.fixture
async def service(settings: Settings) -> AsyncIterator[Service]:
    async with serving(settings) as service:
        yield service


async def made(service: Service, token: str, order: Order | None = None) -> dict[str, Any]:
    """Make a token for an order. Returns the answer."""
    await service.app.state.services.get(OrderStatusStore).put([order or an_order()])
    answer = await service.http.post("/orders/own-order/trackingTokens", headers=bearer(token))
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def looked(service: Service, token: str, order_id: str = "own-order") -> int:
    """Return the status of the answer to a request for an order."""
    return (await service.http.get(f"/orders/{order_id}", headers=bearer(token))).status_code


@pytest.mark.parametrize(
    ("days", "visit_ends", "good_for"),
    [
        (7, timedelta(days=3), timedelta(days=10)),
        (1, timedelta(days=3), timedelta(days=4)),
        (7, timedelta(days=-6), timedelta(days=1)),
        (7, None, timedelta(days=30)),
        (7, timedelta(days=-8), timedelta(days=30)),
    ],
)
async def test_it_is_good_until_some_days_after_the_visit(
    settings: Settings, issuer: Issuer, days: int, visit_ends: timedelta | None, good_for: timedelta
) -> None:
    async with serving(but(settings, tracking_token_days=days)) as service:
        asked = datetime.now(UTC)
        answer = await made(service, issuer.token("1", "customer"), an_order(visit_ends))

    claims = jwt.decode(answer["token"], key_in(OLD), ["HS256"])
    assert jwt.get_unverified_header(answer["token"]) == {"alg": "HS256", "typ": "tracking+jwt"}
    assert (claims["iss"], claims["sub"]) == ("urn:subscription-orders:tracking", "own-order")
    ends = datetime.fromtimestamp(claims["exp"], UTC)
    assert answer["expiresAt"] == f"{ends:%Y-%m-%dT%H:%M:%SZ}"
    assert timedelta(seconds=-2) <= ends - asked - good_for <= datetime.now(UTC) - asked


@pytest.mark.parametrize("requires", [{}, {"auth_issuer": None, "auth_audience": None, "auth_jwks_url": None}])
async def test_it_opens_its_order_and_nothing_else(
    settings: Settings, issuer: Issuer, requires: dict[str, Any]
) -> None:
    async with serving(but(settings, **requires)) as service:
        await service.app.state.services.get(OrderStatusStore).put([an_order(), Order("others-order", "2")])
        headers = bearer(signed(key_in(OLD)))

        own = await service.http.get("/orders/own-order", headers=headers)
        who = (await service.http.get("/whoami", headers=headers)).json()

        assert (own.status_code, own.json()["customerId"]) == (200, "1")
        assert (who["roles"], who["subject"], who["regions"]) == (["tracker"], "own-order", None)
        for order_id in ("others-order", "unknown"):
            assert_problem(await service.http.get(f"/orders/{order_id}", headers=headers), 404, "not-found")
        for path in ("/orders", "/orders/own-order/trackingTokens", "/orders/own-order/attention/acknowledge"):
            assert_problem(await service.http.post(path, json={}, headers=headers), 403, "forbidden")
        for path in ("/orderStatuses", "/orderStatuses/own-order", "/installations/own-order", "/audit", "/metrics"):
            assert_problem(await service.http.get(path, headers=headers), 403, "forbidden")


FORGED: dict[str, Callable[[Issuer], str]] = {
    "altered": lambda _: _of_another_order(signed(key_in(OLD))),
    "expired": lambda _: signed(key_in(OLD), exp=int(time.time()) - 1),
    "without an end": lambda _: signed(key_in(OLD), exp=None),
    "without an order": lambda _: signed(key_in(OLD), sub=None),
    "of another issuer": lambda _: signed(key_in(OLD), iss="https://issuer.example"),
    "for another API": lambda _: signed(key_in(OLD), aud="orders"),
    "of a key that was taken out": lambda _: signed(key_in(NEW)),
    "unsigned": lambda _: unsigned({"alg": "none", "typ": "tracking+jwt"}, jwt_claims()),
    "signed with another algorithm": lambda _: jwt.encode(
        jwt_claims(), key_in(OLD) * 2, "HS512", {"typ": "tracking+jwt"}
    ),
    "signed by the issuer": lambda issuer: issuer.sign(issuer.claims("own-order", "manager"), typ="tracking+jwt"),
    "signed with the issuer's public key": lambda issuer: _signed_with_pem(issuer),
    "of no such type": lambda _: signed(key_in(OLD), typ="JWT", roles=["manager"]),
    "of the issuer's type": lambda issuer: signed(key_in(OLD), typ="at+jwt", iss=issuer.name, aud=issuer.audience),
}


def jwt_claims() -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(signed(key_in(OLD)), options={"verify_signature": False})
    return claims


def _of_another_order(token: str) -> str:
    header, _, signature = token.split(".")
    return ".".join((header, unsigned({}, jwt_claims() | {"sub": "others-order"}).split(".")[1], signature))


def _signed_with_pem(issuer: Issuer) -> str:
    # PyJWT does not sign with such a key, but others do: what counts is that nobody takes the signature.
    return signed(as_pem(issuer.keys["one"]).replace(b"-----", b""), typ="tracking+jwt")


@pytest.mark.parametrize("how", FORGED)
async def test_a_forged_one_is_refused(service: Service, issuer: Issuer, how: str) -> None:
    await service.app.state.services.get(OrderStatusStore).put([an_order(), Order("others-order", "2")])

    for order_id in ("own-order", "others-order"):
        answer = await service.http.get(f"/orders/{order_id}", headers=bearer(FORGED[how](issuer)))
        assert_problem(answer, 401, "unauthenticated")


async def test_what_else_it_says_makes_nobody_more_than_a_tracker(service: Service) -> None:
    token = signed(key_in(OLD), roles=["manager"], regions=["*"], scope="orderStatuses:read")

    who = (await service.http.get("/whoami", headers=bearer(token))).json()

    assert (who["roles"], who["regions"]) == (["tracker"], None)
    assert (await service.http.get("/orderStatuses", headers=bearer(token))).status_code == 403


async def test_no_issuer_makes_a_tracker(service: Service, issuer: Issuer) -> None:
    await service.app.state.services.get(OrderStatusStore).put([an_order()])

    assert await looked(service, issuer.token("own-order", "tracker")) == 403


async def test_it_dies_with_its_key_and_not_before(settings: Settings, issuer: Issuer) -> None:
    found = {}
    customer = issuer.token("1", "customer")
    async with serving(settings) as service:
        token = (await made(service, customer))["token"]
    for keys in (OLD, f"{NEW},{OLD}", NEW):
        async with serving(but(settings, tracking_keys=keys)) as service:
            found[keys] = await looked(service, token), await looked(service, (await made(service, customer))["token"])

    assert found == {OLD: (200, 200), f"{NEW},{OLD}": (200, 200), NEW: (401, 200)}


async def test_without_a_key_there_are_none(settings: Settings, issuer: Issuer) -> None:
    async with serving(but(settings, tracking_keys=None)) as service:
        await service.app.state.services.get(OrderStatusStore).put([an_order()])
        customer = bearer(issuer.token("1", "customer"))

        answer = await service.http.post("/orders/own-order/trackingTokens", headers=customer)

        assert_problem(answer, 404, "not-found")
        assert await looked(service, signed(key_in(OLD))) == 401


async def test_make_run_makes_a_key_which_the_api_reads(settings: Settings, issuer: Issuer) -> None:
    as_run = but(settings, tracking_keys=None, access_log_key=None)
    [api] = [part for part in plan(as_run) if part.name == "api"]
    assert isinstance(api, Part)
    assert api.before_start is not None
    api.before_start()
    first = as_run.tracking_keys_file.read_text()
    api.before_start()

    assert as_run.tracking_keys_file.read_text() == first
    assert as_run.tracking_keys_file.stat().st_mode & 0o777 == 0o600
    async with serving(as_run) as service:
        assert await looked(service, (await made(service, issuer.token("1", "customer")))["token"]) == 200


def test_a_key_of_the_settings_needs_no_file(settings: Settings) -> None:
    [api] = [part for part in plan(settings) if part.name == "api"]
    assert isinstance(api, Part)
    assert api.before_start is not None
    api.before_start()

    assert not settings.tracking_keys_file.exists()


@pytest.mark.parametrize("keys", ["one", "one:c2VjcmV0", f"{OLD},{OLD}"], ids=["no colon", "too short", "twice"])
def test_what_are_no_keys_is_refused_without_being_shown(keys: str) -> None:
    with pytest.raises(ValueError, match="tracking_keys") as refused:
        Settings.model_validate({"tracking_keys": keys})

    assert keys not in str(refused.value)


async def test_it_has_the_rate_of_a_customer_for_each_order(settings: Settings) -> None:
    async with serving(but(settings, rate_limit_customer=2)) as service:
        found = [(await service.http.get("/whoami", headers=bearer(signed(key_in(OLD))))).status_code for _ in range(3)]
        other = await service.http.get("/whoami", headers=bearer(signed(key_in(OLD), "others-order")))

    assert (found, other.status_code) == ([200, 200, 429], 200)


async def test_over_the_limit_of_an_address_a_good_one_is_still_known(settings: Settings) -> None:
    async with serving(but(settings, rate_limit_anonymous=1)) as service:
        shown = [None, None, signed(key_in(NEW)), signed(key_in(OLD))]
        found = [(await service.http.get("/whoami", headers=bearer(token))).status_code for token in shown]

    assert found == [401, 429, 429, 200]


async def test_the_tokens_of_an_order_can_be_revoked(settings: Settings) -> None:
    file = settings.data_dir / "revoked"
    file.write_text(f"own-order {datetime.now(UTC) + timedelta(minutes=1):%Y-%m-%dT%H:%M:%SZ}\n")
    async with serving(but(settings, revoked_tokens=file)) as service:
        await service.app.state.services.get(OrderStatusStore).put([an_order(), Order("others-order", "2")])

        assert await looked(service, signed(key_in(OLD))) == 401
        assert await looked(service, signed(key_in(OLD), "others-order"), "others-order") == 200


async def test_whose_order_it_is_needs_no_store(settings: Settings) -> None:
    async with serving(but(settings, installation_database_url=NOWHERE, order_status_database_url=NOWHERE)) as service:
        headers = bearer(signed(key_in(OLD)))

        others = await service.http.post("/orders/others-order/cancel", headers=headers)
        own = await service.http.post("/orders/own-order/cancel", headers=headers)

    assert_problem(others, 404, "not-found")
    assert_problem(own, 503, "temporal-unavailable")


async def test_who_makes_one_and_who_looks_is_written_down(service: Service, issuer: Issuer) -> None:
    kim = issuer.token("kim", "manager")
    token = (await made(service, kim))["token"]
    assert await looked(service, token) == 200

    async def entries(path: str, count: int) -> Any:
        found = (await service.http.get(path, headers=bearer(kim))).json()["items"]
        return found if len(found) == count else None

    [act] = await soon(lambda: entries("/audit?actor=manager:kim", 1), what="the audit has it")
    [look] = await soon(lambda: entries("/accessLog?actor=tracker:own-order", 1), what="the access log has it")
    assert (act["act"], act["target"], act["outcome"]) == ("POST /orders/{orderId}/trackingTokens", "own-order", 201)
    assert (look["route"], look["people"]) == ("GET /orders/{orderId}", 1)
    assert token not in str(act)


async def test_it_moves_and_cancels_its_order_as_its_customer(
    settings: Settings, temporal_address: str, issuer: Issuer
) -> None:
    port = int(temporal_address.rpartition(":")[2])
    async with serving(but(settings, temporal_port=port, auth_issuer=None, auth_audience=None)) as service:
        await service.hire()
        await service.work()
        order_id = await service.requested(installationAddress="달 1", preferredVisit=window())
        answer = await service.http.post(f"/orders/{order_id}/trackingTokens")
        headers = bearer(answer.json()["token"])

        body = {"preferredVisit": window(13)}
        moved = await service.http.post(f"/orders/{order_id}/reschedule", json=body, headers=headers)
        canceled = await service.http.post(f"/orders/{order_id}/cancel", json={"reason": "이사"}, headers=headers)

        assert (moved.status_code, moved.json()["visit"]["start"]) == (200, window(13))
        assert (canceled.status_code, canceled.json()["status"]) == (200, "ORDER_CANCELED")
        by = {entry["event"]: (entry["by"], entry["detail"]) for entry in canceled.json()["history"]}
        assert by["VisitRescheduled"][0] == f"tracker:{order_id}"
        assert by["CancelOrdered"] == (f"tracker:{order_id}", "이사")
        assert by["JoinOrdered"][0] == "customer"
