"""What the SDK writes into histories is named by the Python fields: no release may rename one.

`wire_format.json` was written by release 0c8ab7f, with a value in every field. Later releases only add to it: what is
there lies in histories of orders that are under way.
"""

import json
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import Any

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.converter import DataConverter, PayloadConverter

import domain
from domain import erasure, installation, orders
from domain.common.commands import Command
from domain.common.contexts import EVENT_DELIVERY
from domain.common.seals import sealed
from domain.event_delivery import delivery, ping, relay
from domain.management_center.assignments import Assignment, ManualAssignment
from domain.management_center.dispatch import Reconsider
from domain.order_status import reconciliation
from runtime.plaintext_converter import PlainTextPayloadConverter

WRITTEN: dict[str, Any] = json.loads(Path(__file__).with_name("wire_format.json").read_text(encoding="utf-8"))
CONVERTER = DataConverter.default.payload_converter
"""Converter of the release before."""
OURS = PlainTextPayloadConverter()

MESSAGES: dict[str, Any] = {
    orders.Message.CANCEL: orders.CancelRequest,
    orders.Message.REQUEST_CANCEL: orders.CancelRequest,
    orders.Message.ASSIGN_ENGINEER: ManualAssignment,
    orders.Message.RESCHEDULE: orders.RescheduleRequest,
    orders.Message.RECONSIDER: Reconsider,
    orders.Message.ACKNOWLEDGE: orders.Acknowledgement,
    **dict.fromkeys(installation.EngineerAction, installation.EngineerAct),
}
RESULTS: dict[str, Any] = {orders.Message.ORDER: orders.Order, orders.Message.ASSIGN_ENGINEER: Assignment}
WORKFLOWS: dict[str, tuple[Any, Any]] = {
    orders.WORKFLOW_TYPE: (orders.Subscription, orders.Order),
    erasure.WORKFLOW_TYPE: (erasure.Erasure, erasure.Erased),
    reconciliation.WORKFLOW_TYPE: (reconciliation.Reconciliation, reconciliation.Reconciled),
    relay.WORKFLOW_TYPE: (relay.Relay, type(None)),
    delivery.WORKFLOW_TYPE: (delivery.Delivery, type(None)),
    ping.WORKFLOW_TYPE: (ping.Ping, ping.Pinged),
}


def commands() -> dict[str, Command[Any, Any]]:
    modules = [import_module(found.name) for found in walk_packages(domain.__path__, "domain.")]
    return {each.name: each for module in modules for each in vars(module).values() if isinstance(each, Command)}


def written() -> Iterator[Any]:
    """Yield each value of the previous release, with the type that reads it today."""
    known = commands()
    for name, sides in WRITTEN["commands"].items():
        yield pytest.param(sides["input"], known[name].input_type, id=f"{name} input")
        yield pytest.param(sides["result"], known[name].result_type, id=f"{name} result")
    for name, value in WRITTEN["messages"].items():
        yield pytest.param(value, MESSAGES[name], id=f"{name} message")
    for name, value in WRITTEN["results"].items():
        yield pytest.param(value, RESULTS[name], id=f"{name} answer")
    for name, sides in WRITTEN["workflows"].items():
        yield pytest.param(sides["input"], WORKFLOWS[name][0], id=f"{name} input")
        yield pytest.param(sides["result"], WORKFLOWS[name][1], id=f"{name} result")


@pytest.mark.parametrize(("value", "type_"), [*written()])
def test_what_the_release_before_wrote_is_read_and_written_as_it_was(value: Any, type_: Any) -> None:
    if value is None:
        assert type_ is type(None)
        return
    payload = Payload(metadata={"encoding": b"json/plain"}, data=json.dumps(value).encode())
    (read,) = OURS.from_payloads([payload], [type_])

    assert read == CONVERTER.from_payloads([payload], [type_])[0], "not as the release before reads it"
    ours = OURS.to_payload(read)
    (theirs,) = CONVERTER.from_payloads([ours], [type_])
    assert theirs == read, "not as the release before reads what this one writes"
    assert _names(_without_additions(json.loads(ours.data), value)) == _names(value)
    assert _without_additions(json.loads(CONVERTER.to_payload(theirs).data), value) == value


def test_everything_that_event_delivery_writes_is_among_it() -> None:
    asked = {name for name, command in commands().items() if command.context == EVENT_DELIVERY}
    kinds = {kind.WORKFLOW_TYPE for kind in (delivery, ping, relay)}

    assert asked <= WRITTEN["commands"].keys()
    assert kinds <= WRITTEN["workflows"].keys()


@pytest.mark.parametrize("reader", [CONVERTER, OURS], ids=["release before", "this release"])
def test_what_a_later_release_adds_to_a_message_is_passed_over(reader: PayloadConverter) -> None:
    later = {"by": "manager:kim", "reason": None, "expected_version": 7, "added_later": {"any": "thing"}}
    payload = Payload(metadata={"encoding": b"json/plain"}, data=json.dumps(later).encode())

    assert reader.from_payloads([payload], [orders.CancelRequest]) == [orders.CancelRequest("manager:kim", None, 7)]


@pytest.mark.parametrize(
    "members",
    [
        {"note": "half of a pair: \ud83d"},
        {"version": 5.0},
        {"version": True},
        {"preferred_visit": "2026-07-15"},
        {"status": "OF_A_LATER_RELEASE"},
        {"history": [{"event": "OfALaterRelease", "at": "2026-07-15T12:00:00Z", "by": "later"}]},
    ],
    ids=str,
)
def test_what_is_in_histories_is_read_as_the_release_before_reads_it(members: dict[str, Any]) -> None:
    payload = Payload(metadata={"encoding": b"json/plain"}, data=json.dumps({"order_id": "1"} | members).encode())

    (read,) = CONVERTER.from_payloads([payload], [orders.Order])

    assert OURS.from_payloads([payload], [orders.Order]) == [read]
    assert CONVERTER.from_payloads([OURS.to_payload(read)], [orders.Order]) == [read]


def test_a_mark_is_not_written() -> None:
    order = orders.Order("1")
    before = OURS.to_payload(order)

    assert OURS.to_payload(sealed(order)) == before


@pytest.mark.parametrize("wrong", [{"order_id": 5}, {"order_id": "1", "version": "5"}, [], "1", None])
def test_what_the_release_before_refuses_is_refused(wrong: Any) -> None:
    payload = Payload(metadata={"encoding": b"json/plain"}, data=json.dumps(wrong).encode())

    for reader in (CONVERTER, OURS):
        with pytest.raises(TypeError):
            reader.from_payloads([payload], [orders.Order])


def _names(value: Any) -> Any:
    """Leave out what the members are."""
    if isinstance(value, dict):
        return {name: _names(member) for name, member in value.items()}
    return [_names(member) for member in value] if isinstance(value, list) else None


def _without_additions(now: Any, before: Any) -> Any:
    """Leave out the fields that a later release has added, which have defaults."""
    if isinstance(now, dict) and isinstance(before, dict):
        return {name: _without_additions(value, before[name]) for name, value in now.items() if name in before}
    if isinstance(now, list) and isinstance(before, list):
        return [_without_additions(*pair) for pair in zip(now, before, strict=True)]
    return now
