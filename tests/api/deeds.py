"""Correct requests for each operation, and checks of their effects, which random input hardly ever brings about."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

from api.security.principals import Caller
from tests.api.actors import OURS
from tests.api.fuzzed import World
from tests.api.known import bearer
from tests.eventually import PATIENCE, eventually

Ask = Callable[..., dict[str, Any]]
"""Sends a request with a body, and returns the response."""


def complete(world: World, _: Caller, ask: Ask) -> None:
    world.order_anew(OURS, "complete")
    ask({"note": "behind the cupboard", "serials": ["A1", "B2"]})

    done = world.do("GET", f"/installations/{world.named[OURS]['orderId']}")
    assert (done["status"], done["note"], done["serials"]) == ("COMPLETED", "behind the cupboard", ["A1", "B2"])


def give_days_off(world: World, _: Caller, ask: Ask) -> None:
    given = {"engineerId": "kr-11-1", "from": "2035-05-01", "to": "2035-05-03", "reason": "a wedding"}
    answered = ask(given)

    assert world.do("GET", f"/managementCenters/daysOff/{answered['dayOffId']}") == answered
    assert given.items() <= answered.items()


def give_extra_shift(world: World, _: Caller, ask: Ask) -> None:
    given = {"engineerId": "kr-11-1", "from": "2035-05-05", "to": "2035-05-06", "reason": "many orders"}
    answered = ask(given | {"hours": {"from": "10:00", "until": "14:00"}})

    assert world.do("GET", f"/managementCenters/extraShifts/{answered['extraShiftId']}") == answered
    assert given.items() <= answered.items()


def reschedule(world: World, _: Caller, ask: Ask) -> None:
    world.order_anew(OURS)
    wanted = world.do("GET", "/managementCenters/slots?address=Seoul")["items"][-1]["start"]
    ask({"preferredVisit": wanted})

    assert world.do("GET", f"/orders/{world.named[OURS]['orderId']}")["visit"]["start"] == wanted


def acknowledge(world: World, caller: Caller, ask: Ask) -> None:
    rare = world.do("POST", "/managementCenters/products", productId=f"rare-{uuid4().hex}", skills=["nobody has it"])
    order_id = world.portal.call(lambda: world.inside.order(productId=rare["productId"]))
    row = world.portal.call(world.inside.until, order_id, "AWAITING_ENGINEER")
    world.named[OURS]["orderId"] = order_id
    ask()

    attention = world.do("GET", f"/orders/{order_id}")["attention"]
    assert (attention["reason"], attention["since"]) == (row["attention"]["reason"], row["attention"]["since"])
    assert attention["acknowledgedBy"] == caller.actor


def let_track(world: World, _: Caller, ask: Ask) -> None:
    world.order_anew(OURS)
    answered, order_id = ask(), world.named[OURS]["orderId"]

    seen = world.http.get(f"{world.url}/orders/{order_id}", headers=bearer(answered["token"]), timeout=PATIENCE)
    assert (seen.status_code, seen.json()["orderId"]) == (200, order_id)


def erase(world: World, _: Caller, ask: Ask) -> None:
    ours = world.named[OURS]
    stays, ours["customerId"] = ours["customerId"], f"leaving-{uuid4().hex}"
    world.order_anew(OURS)
    order_id = ours["orderId"]
    world.do("POST", f"/orders/{order_id}/cancel")
    world.portal.call(world.inside.closed, order_id)
    world.portal.call(world.inside.until, order_id, "ORDER_CANCELED")
    ask()

    def erased() -> bool:
        row = world.do("GET", f"/orderStatuses/{order_id}")
        place = world.do("GET", f"/installations/{order_id}")
        known = row["customerId"], row["note"], place["customerName"], place["installationAddress"]
        return known == ("", None, None, "")

    eventually(erased, what="nothing is known of the customer any more")
    ours["customerId"] = stays
    world.order_anew(OURS)


DEEDS: Mapping[str, Callable[[World, Caller, Ask], None]] = {
    "POST /installations/{orderId}/complete": complete,
    "POST /managementCenters/daysOff": give_days_off,
    "POST /managementCenters/extraShifts": give_extra_shift,
    "POST /orders/{orderId}/reschedule": reschedule,
    "POST /orders/{orderId}/attention/acknowledge": acknowledge,
    "POST /orders/{orderId}/trackingTokens": let_track,
    "DELETE /orders/customers/{customerId}/personalData": erase,
}
"""The check of each route."""
