"""What the SDK writes into histories is named by the Python fields: no release may rename one.

`wire_format.json` was written by release 0c8ab7f, with a value in every field. Later releases only add to it: what is
there lies in histories of orders that are under way.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import StrEnum
from importlib import import_module
from itertools import chain
from pathlib import Path
from pkgutil import walk_packages
from types import UnionType
from typing import Any, Union, cast, get_args, get_origin, get_type_hints

import pytest
from pydantic import TypeAdapter
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

    (by_release_before,) = CONVERTER.from_payloads([payload], [type_])
    assert CONVERTER.to_payload(read) == CONVERTER.to_payload(by_release_before), "not as the release before reads it"
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

    (by_release_before,) = CONVERTER.from_payloads([payload], [orders.Order])
    (read,) = OURS.from_payloads([payload], [orders.Order])

    assert read == by_release_before
    assert type(read.status) is orders.OrderStatus
    # Written, `5.0` and `True` differ from `5` and `1`, to which they are equal.
    assert CONVERTER.to_payload(read) == CONVERTER.to_payload(by_release_before)
    assert CONVERTER.from_payloads([OURS.to_payload(read)], [orders.Order]) == [read]


def test_a_message_consists_of_what_is_written_and_read_in_the_same_way_by_both() -> None:
    """The SDK and pydantic write other types differently, or one of them does not write them."""
    sides = [(command.input_type, command.result_type) for command in commands().values()]
    messages = {*MESSAGES.values(), *RESULTS.values(), *chain.from_iterable([*sides, *WORKFLOWS.values()])}
    parts = {part for message in messages for part in _parts(message)}

    for kind in filter(is_dataclass, parts):
        TypeAdapter(kind)
    others = {part for part in parts if not is_dataclass(part) and not issubclass(part, StrEnum)}
    assert others == {str, int, float, bool, datetime, type(None), object}


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


def _parts(kind: Any) -> Iterator[type]:
    """Yield the classes of which values of a type consist. `Any` is yielded as `object`."""
    if is_dataclass(kind):
        yield cast(type, kind)
        members = get_type_hints(kind)
        yield from chain.from_iterable(_parts(members[field.name]) for field in fields(kind))
    elif arguments := get_args(kind):
        assert get_origin(kind) in (list, dict, Mapping, Union, UnionType), kind
        yield from chain.from_iterable(map(_parts, arguments))
    else:
        yield object if kind is Any else kind


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
