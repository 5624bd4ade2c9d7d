"""A service with authentication and orders of two regions, for random requests of every actor, and their effects."""

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest
import requests
import schemathesis
from anyio.from_thread import BlockingPortal, start_blocking_portal
from schemathesis.core.transport import Response
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.event_delivery import log_watch
from api.event_delivery import ping as pings
from api.order_status import change_stream as feed
from api.security.permissions import RULES, Noted
from api.security.principals import ANONYMOUS
from domain.common import contexts
from domain.orders import workflow_id
from runtime.settings import Settings
from runtime.temporal_client import connect
from tests.api import patience
from tests.api.actors import OURS, THEIRS, Actor, actors
from tests.api.issuer import Issuer
from tests.api.known import bearer
from tests.api.service import Service, but, listening, serving
from tests.eventually import PATIENCE, eventually

NO_LIMITS = {f"rate_limit_{who}": 0 for who in ("customer", "engineer", "manager", "service", "operator", "anonymous")}
"""No rate limits, which would hide other refusals."""
MANY_SUBSCRIPTIONS: dict[str, Any] = {
    "max_event_subscriptions": 1000,
    "max_event_subscriptions_per_owner": 1000,
    "event_target_networks": "127.0.0.0/8",
}
"""As many subscriptions as requests may make, and consumers that are known at once not to be there."""
ADDRESSES = {OURS: "Seoul", THEIRS: "Busan"}
FIRST = {"start": ["accept"], "complete": ["accept"], "incomplete": ["accept", "start"]}
"""The actions that must come before an engineer's action."""
CONFORMS = [status_code_conformance, content_type_conformance, response_schema_conformance]


@dataclass
class World:
    """The service, and its resources in two regions."""

    url: str
    inside: Service
    """The same service without authentication, on the same data."""
    portal: BlockingPortal
    """The portal to the event loop of that service."""
    issuer: Issuer
    worked: bool
    named: dict[str, dict[str, str]] = field(default_factory=dict)
    """By region: the resources' parameters for paths, bodies and queries."""
    secrets: dict[str, set[str]] = field(default_factory=dict)
    """By region: texts that only actors with access to the region may read."""
    noted: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    """The actor, request and outcome of each entry that the audit trail should contain."""
    http: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        self.http.trust_env = False  # to look for proxies takes longer than most requests
        self.http.headers["Connection"] = "close"  # the server may close one that was idle just as a request is sent

    def know(self, region: str) -> None:
        """Create one resource of each kind in a region."""
        number = region.removeprefix("KR-")
        self.secrets[region] = {f"marked-{number}"}
        self.named[region] = {
            "engineerId": f"kr-{number}-1",
            "serviceAreaId": "kr-50",  # without its own, a region would get no engineer
            "productId": f"product-{number}",
            "namespace": "default",
            "customerId": f"customer-{number}",
            "region": region,
            "q": f"marked-{number}",
        }
        made = [
            self.do("POST", "/managementCenters/products", productId=f"product-{number}", skills=[]),
            self.do("POST", "/managementCenters/daysOff", engineerId=f"kr-{number}-1", **{"from": "2020-01-01"}),
            self.do("POST", "/managementCenters/extraShifts", engineerId=f"kr-{number}-1", **{"from": "2020-01-01"}),
        ]
        self.named[region] |= {"dayOffId": made[1]["dayOffId"], "extraShiftId": made[2]["extraShiftId"]}
        self.have_anew(region, "eventSubscriptionId")
        self.order_anew(region)

    def order_anew(self, region: str, act: str = "") -> None:
        """Replace the order by another one to which the action applies."""
        [mark] = {secret for secret in self.secrets[region] if secret.startswith("marked")}
        personal = dict.fromkeys(("customerName", "contactPhone", "note"), mark)
        place = self.inside.requested if self.worked else self.inside.order
        order_id = self.portal.call(
            lambda: place(
                **personal,
                installationAddress=f"{ADDRESSES[region]} {mark}",
                customerId=self.named[region]["customerId"],
            )
        )
        if not self.worked:
            self.portal.call(self.inside.until, order_id, "JOIN_ORDERED")
        self.secrets[region].add(order_id)
        self.named[region] |= {"orderId": order_id}
        if self.worked:
            self.portal.call(self.inside.until_quiet, order_id)
            row = self.do("GET", f"/orderStatuses/{order_id}")
            self.named[region] |= {"assigned": row["engineerId"]}
            for before in FIRST.get(act, ()):
                self.do("POST", f"/installations/{order_id}/{before}")

    def have_anew(self, region: str, name: str) -> None:
        """Create another instance of what a request may change or remove, because other tests need the first."""
        engineer_id = self.named[region]["engineerId"]
        others: dict[str, tuple[str, dict[str, Any]]] = {
            "engineerId": ("/managementCenters/engineers", {"name": "김하나", "region": region}),
            "dayOffId": ("/managementCenters/daysOff", {"engineerId": engineer_id, "from": "2020-01-01"}),
            "extraShiftId": ("/managementCenters/extraShifts", {"engineerId": engineer_id, "from": "2020-01-01"}),
            "productId": ("/managementCenters/products", {"productId": f"product-{uuid4().hex}", "skills": []}),
            "eventSubscriptionId": (
                "/eventSubscriptions",
                {"name": "billing", "url": "https://127.0.0.1/", "regions": [region]},
            ),
        }
        path, body = others[name]
        self.named[region][name] = str(self.do("POST", path, **body)[name])

    def do(self, method: str, path: str, **body: Any) -> dict[str, Any]:
        """Send a request to the service without authentication. Returns the response."""
        answer = self.portal.call(lambda: self.inside.http.request(method, path, json=body or None))
        assert answer.is_success, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def everybody(self) -> Iterator[Actor]:
        """The actors."""
        ours = self.named[OURS]
        return actors(
            self.issuer,
            customer_id=ours["customerId"],
            engineer_id=ours.get("assigned") or ours["engineerId"],
            order_id=ours["orderId"],
        )

    def ask(self, actor: Actor, case: schemathesis.Case[Any], whose: str) -> Response:
        """Send a random request about owned resources. Returns the response, after checks for leaks and the schema."""
        route, named = case.operation.label, dict(self.named[whose])
        if "orderId" in case.path_parameters:
            named["engineerId"] = named.get("assigned", named["engineerId"])
        case.path_parameters = {name: named[name] for name in case.path_parameters}
        for part in (case.query, case.body):
            if isinstance(part, dict):
                part.update({name: named[name] for name in ("engineerId", "customerId", "region", "q") if name in part})
        if isinstance(case.body, dict) and case.body.get("regions"):
            case.body["regions"] = [named["region"]]
        answer = case.call(base_url=self.url, session=self.http, headers={"Last-Event-ID": "0", **bearer(actor.token)})
        what = (str(actor), route, whose, answer.status_code)
        self._note(actor, route, answer)

        assert answer.status_code < 500, what
        if refusal := actor.refusal(route, whose):
            assert answer.status_code == refusal, what
        for region, secrets in self.secrets.items():
            if region not in actor.sees or refusal:
                assert not [secret for secret in secrets if secret in answer.text], what
        case.validate_response(answer, checks=CONFORMS)
        return answer

    def state(self, *regions: str) -> tuple[dict[str, list[str]], list[int]]:
        """Return the stored resources of these regions (of none: all), and the lengths of their orders' histories."""
        words = [word for region in regions for word in (*self.secrets[region], region, region.lower())]
        rows = {}
        for context in contexts.STORES.keys() - {contexts.AUDIT}:
            with closing(sqlite3.connect(self.inside.settings.data_dir / f"{context}.db")) as connection:
                lines = _dump(connection) if context == contexts.EVENT_DELIVERY else connection.iterdump()
                rows[context] = [line for line in lines if not words or any(word in line for word in words)]
        orders = [self.named[region]["orderId"] for region in regions or self.named]
        return rows, [self.portal.call(self._length, order_id) for order_id in orders]

    def audited(self) -> Counter[tuple[str, str, int]]:
        """Return the audit entries."""
        found: Counter[tuple[str, str, int]] = Counter()
        query = {"limit": "200"}
        while True:
            page = self.http.get(
                f"{self.url}/audit", params=query, headers=bearer(self.issuer.token("kim", "manager")), timeout=PATIENCE
            ).json()
            acts = [(each["actor"], each["act"], each["outcome"]) for each in page["items"]]
            # Inside, nobody needs a token.
            found.update(act for act in acts if act[0] != ANONYMOUS or act[2] == 401)
            if page["nextCursor"] is None:
                return found
            query["cursor"] = page["nextCursor"]

    def _note(self, actor: Actor, route: str, answer: Response) -> None:
        if location := answer.headers.get("location"):
            self.inside.order_ids.append(location[0].rpartition("/")[2])
        rule = RULES[route]
        changes = rule is not None and rule.noted is not Noted.REFUSALS
        if changes or answer.status_code in (401, 403, 404):
            caller = actor.caller(route)
            by = (caller and caller.actor) or (actor.identity and actor.identity.actor) or ANONYMOUS
            self.noted[by, route, answer.status_code] += 1

    async def _length(self, order_id: str) -> int:
        client = await connect(self.inside.settings)
        return (await client.get_workflow_handle(workflow_id(order_id)).describe()).history_length


def _dump(connection: sqlite3.Connection) -> Iterator[str]:
    """Return what requests alone write about event delivery. Relay, pings and deliveries write the rest at any time."""
    for asked in (
        "SELECT subscription_id, name, url, types, regions, at_once, per_minute, owner, changed_at"
        " FROM event_subscription",
        "SELECT subscription_id, number, expires_at FROM event_secret",
        "SELECT * FROM event_held",
    ):
        yield from (str(row) for row in connection.execute(f"{asked} ORDER BY 1, 2"))


@contextmanager
def world(settings: Settings, issuer: Issuer, *, worked: bool) -> Iterator[World]:
    """Run such a service. At its end, the audit trail has to contain every request.

    Args:
        settings: Settings without authentication.
        issuer: The issuer of the tokens that it accepts.
        worked: Whether workers run.
    """
    with pytest.MonkeyPatch.context() as patched, start_blocking_portal() as portal:
        end_streams(patched)
        patched.setattr(pings, "PINGS_PER_MINUTE", 0)
        for module, name in patience.ALL:
            patched.setattr(module, name, getattr(module, name))
        patience.wait_long(patience.ALL if worked else patience.SERVERS)
        settings = but(settings, **MANY_SUBSCRIPTIONS)
        asking = but(settings, **issuer.settings, **NO_LIMITS, max_open_orders_per_customer=0)
        with listening(asking) as url, portal.wrap_async_context_manager(serving(settings)) as inside:
            if worked:
                portal.call(inside.work)
            found = World(url, inside, portal, issuer, worked)
            for region in ADDRESSES:
                found.know(region)
            yield found
            wait_for_audit(found)


def wait_for_audit(found: World) -> None:
    """Wait until the audit trail contains every request that was sent, and no other."""
    eventually(lambda: found.audited().total() >= found.noted.total(), what="as many acts in the audit as were sent")
    assert found.audited() == found.noted


def end_streams(patched: pytest.MonkeyPatch) -> None:
    """End an event stream once it has sent every change up to now, as if its token had expired.

    A request that waits for an event waits for a moment.
    """
    heard = [False]

    async def end(*_: object) -> None:
        heard[0] = True

    def is_past(_: float | None) -> bool:
        said, heard[0] = heard[0], False
        return said

    patched.setattr(feed, "_is_past", is_past)
    patched.setattr(feed.ChangeStream, "_beyond", end)
    patched.setattr(log_watch, "LONGEST_WAIT", 0.01)
