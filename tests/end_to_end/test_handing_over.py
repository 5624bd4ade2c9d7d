"""Visits of an unavailable engineer go to others, whatever is killed meanwhile."""

from typing import Any

from domain.common import contexts
from tests.end_to_end.system import System
from tests.eventually import eventually

SEJONG = "KR-50"
AWAY = {"active": False}


def hire(running: System, number: int) -> str:
    body, headers = {"name": f"Engineer {number}", "region": SEJONG}, {"Idempotency-Key": f"engineer-{number}"}
    made = running.send("POST", "/managementCenters/engineers", 200, 201, json=body, headers=headers)
    return str(made["engineerId"])


def row(running: System, order_id: str) -> dict[str, Any]:
    return running.get(f"/orderStatuses/{order_id}")


def asked(running: System, order_id: str, engineer_id: str) -> bool:
    shown = row(running, order_id)
    return (shown["status"], shown["engineerId"]) == ("INSTALLATION_REQUESTED", engineer_id)


def test_every_visit_of_an_engineer_who_leaves_is_handed_over_although_the_dispatcher_is_killed(
    running: System,
) -> None:
    leaving = hire(running, 0)
    order_ids = [running.order(installationAddress="Sejong") for _ in range(6)]
    for order_id in order_ids:
        running.until(order_id, "INSTALLATION_REQUESTED")
        running.send("PUT", f"/managementCenters/assignments/{order_id}", 200, json={"engineerId": leaving})
    eventually(lambda: all(asked(running, order_id, leaving) for order_id in order_ids), what="all are asked")
    before = {order_id: row(running, order_id)["visit"] for order_id in order_ids}

    running.kill(contexts.MANAGEMENT_CENTER)
    running.send("PATCH", f"/managementCenters/engineers/{leaving}", 200, json=AWAY)
    running.start(contexts.MANAGEMENT_CENTER)

    def handed_over() -> list[dict[str, Any]]:
        rows = [row(running, order_id) for order_id in order_ids]
        return [row for row in rows if row["engineerId"] != leaving and row["status"] != "ENGINEER_ASSIGNED"]

    eventually(handed_over, what="the first visit is handed over")
    running.kill(contexts.MANAGEMENT_CENTER)
    running.start(contexts.MANAGEMENT_CENTER)
    eventually(lambda: len(handed_over()) == len(order_ids), what="all are handed over")

    rows = handed_over()
    assert {row["status"] for row in rows} == {"INSTALLATION_REQUESTED"}
    assert {row["orderId"]: row["visit"] for row in rows} == before
    assert len({(row["engineerId"], row["visit"]["start"]) for row in rows}) == len(rows)
    assert all("EngineerReassigned" in [entry["event"] for entry in row["history"][-2:]] for row in rows)
