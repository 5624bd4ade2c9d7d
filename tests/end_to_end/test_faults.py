"""Parts are killed while orders are running: nothing acknowledged is lost, and nothing is done twice."""

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from domain.common import contexts
from tests.databases import SQLITE, kinds, servers
from tests.end_to_end.system import CONTRACT_BODY, System, system

EVENTS_OF_A_COMPLETED_ORDER = [
    "JoinOrdered",
    "OrderAccepted",
    "InstallationRequested",
    "InstallationAccepted",
    "InstallationCompleted",
    "JoinCompleted",
]


@contextmanager
def killing(running: System, *names: str, seed: int) -> Iterator[None]:
    """Kill one part after the other, and restart it, during the block."""
    stop, dice = threading.Event(), random.Random(seed)  # noqa: S311 - which part, not a secret
    failures: list[BaseException] = []

    def keep_killing() -> None:
        try:
            while not stop.wait(dice.uniform(0.1, 1.0)):
                name = dice.choice(names)
                running.kill(name)
                running.start(name)
        except BaseException as error:  # noqa: BLE001 - the test itself reports it
            failures.append(error)

    killer = threading.Thread(target=keep_killing)
    killer.start()
    try:
        yield
    finally:
        stop.set()
        killer.join()
    assert not failures, failures


def test_orders_end_as_their_messages_say_although_every_part_is_killed_again_and_again(running: System) -> None:
    with killing(
        running, "temporal", "api", contexts.ORDERS, contexts.INSTALLATION, contexts.MANAGEMENT_CENTER, seed=7
    ):
        order_ids = [running.order(f"killed-{number}") for number in range(12)]
        completed, canceled = order_ids[::2], order_ids[1::2]
        for order_id in completed:
            running.insist(order_id, "accept")
            running.insist(order_id, "complete")
        for order_id in canceled:
            running.cancel(order_id)
    assert len(set(order_ids)) == len(order_ids)
    for order_id in completed:
        row = running.until(order_id, "JOIN_COMPLETED")
        assert [entry["event"] for entry in row["history"]] == EVENTS_OF_A_COMPLETED_ORDER
        assert running.get(f"/installations/{order_id}")["status"] == "COMPLETED"
    for order_id in canceled:
        running.until(order_id, "ORDER_CANCELED")
        assert running.get(f"/installations/{order_id}")["status"] == "CANCELED"


def test_a_start_whose_answer_was_lost_is_one_order_when_it_is_asked_for_again(running: System) -> None:
    running.kill("temporal")
    answer = running.client.post("/orders", json=CONTRACT_BODY, headers={"Idempotency-Key": "once"})
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    running.start("temporal")
    assert running.order("once") == answer.json()["orderId"]


def test_orders_and_cancels_are_taken_while_every_worker_is_down(running: System) -> None:
    for context in contexts.ALL:
        running.kill(context)
    kept, canceled = running.order(), running.order()
    running.cancel(canceled, 202)
    assert running.until(kept, "JOIN_ORDERED")["version"] == 0
    known = running.get(f"/orders/{kept}")
    assert (known["status"], known["stale"]) == ("JOIN_ORDERED", True)
    assert running.act(kept, "accept").status_code in (404, 503)
    running.start(*contexts.ALL)
    running.until(canceled, "ORDER_CANCELED")
    running.until(kept, "INSTALLATION_REQUESTED")


def test_without_the_management_center_orders_are_taken_and_canceled_and_go_on_once_it_is_back(
    running: System,
) -> None:
    running.kill(contexts.MANAGEMENT_CENTER)
    waiting, canceled = running.order(), running.order()
    assert running.cancel(canceled)["status"] == "ORDER_CANCELED"
    assert running.get(f"/orders/{waiting}")["status"] == "JOIN_ORDERED"
    running.start(contexts.MANAGEMENT_CENTER)
    running.insist(waiting, "accept")
    running.until(waiting, "INSTALLATION_ACCEPTED")


def test_without_the_installation_context_a_cancel_is_recorded_and_done_once_it_is_back(running: System) -> None:
    order_id = running.order()
    running.insist(order_id, "accept")
    running.kill(contexts.INSTALLATION)
    running.cancel(order_id, 202)
    running.until(order_id, "CANCEL_ORDERED")
    another = running.order()
    running.start(contexts.INSTALLATION)
    running.until(order_id, "ORDER_CANCELED")
    running.cancel(order_id)
    assert running.get(f"/installations/{order_id}")["status"] == "CANCELED"
    running.until(another, "INSTALLATION_REQUESTED")


# One that can hang will do here; how each of them hangs is tested with the stores.
@pytest.mark.usefixtures("processes")
@pytest.mark.parametrize("kind", [kind for kind in kinds() if kind != SQLITE][:1])
def test_without_its_store_the_read_model_holds_nothing_up_and_catches_up(tmp_path: Path, kind: str) -> None:
    with (
        servers() as started,
        system(tmp_path, ORDER_STATUS_DATABASE_URL=started[kind].fresh(), ORDER_RETRY_AT_MOST_EVERY="2") as running,
    ):
        with started[kind].hung():
            order_id, canceled = running.order(), running.order()
            running.insist(order_id, "accept")
            running.insist(order_id, "complete")
            assert running.get(f"/orders/{order_id}")["status"] == "JOIN_COMPLETED"
            assert running.cancel(canceled)["status"] == "ORDER_CANCELED"
            assert running.client.get("/orderStatuses").status_code == 503
        running.until(order_id, "JOIN_COMPLETED")
        running.until(canceled, "ORDER_CANCELED")


def test_a_killed_api_loses_no_order_that_it_has_acknowledged(running: System) -> None:
    order_ids = [running.order() for _ in range(5)]
    running.kill("api")
    running.start("api")
    for order_id in order_ids:
        running.until(order_id, "INSTALLATION_REQUESTED")
