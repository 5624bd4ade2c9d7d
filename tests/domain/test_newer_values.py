"""Values of a newer release reach an older process during a roll-out, and are passed on as text."""

import inspect
import pkgutil
import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum, StrEnum
from importlib import import_module
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest
from pydantic import TypeAdapter
from temporalio.converter import PayloadConverter

import api
import domain
from api.http.fields import ResponseBody
from api.security.principals import Role
from domain.common.commands import Command
from domain.common.open_enum import OpenStrEnum
from domain.installation import EngineerAction, IncompleteReason
from domain.management_center.assignments import WhenNobody
from domain.management_center.staff import Weekday
from domain.order_status.view import Sort
from domain.orders import Message, OrderStatus

NEWER = "OF_A_NEWER_RELEASE"
CLOSED: Mapping[type[Enum], str] = {
    EngineerAction: "the name of a message",
    Message: "the name of a message",
    WhenNobody: "an instruction: a worker that does not know it leaves it to one that does",
    IncompleteReason: "sent by a person, kept as text",
    Sort: "sent by a person, not kept",
    Weekday: "sent by a person, kept as bits; a week has no more days",
    Role: "from a token; an unknown role may do nothing",
}
"""Enumerations that never receive a value of a newer release, and why."""
CONVERTER = PayloadConverter.default


def modules(package: types.ModuleType) -> list[types.ModuleType]:
    return [import_module(found.name) for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")]


def classes(*packages: types.ModuleType) -> list[type]:
    """Return the classes that are defined in the modules of some packages."""
    return [
        each
        for package in packages
        for module in modules(package)
        for each in vars(module).values()
        if inspect.isclass(each) and each.__module__ == module.__name__
    ]


def enumerations(hint: Any) -> Iterator[type[Enum]]:
    """Yield the enumerations in a type."""
    if inspect.isclass(hint) and issubclass(hint, Enum):
        yield hint
    for part in get_args(hint):
        yield from enumerations(part)


def newer(hint: Any) -> Any:
    """Return a JSON value of a type, with a text of the newer release for every enumeration."""
    if inspect.isclass(hint) and issubclass(hint, Enum):
        return NEWER
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return newer(next(part for part in parts if any(enumerations(part))))
    if inspect.isclass(origin) and issubclass(origin, Mapping):
        return {newer(parts[0]): 1}
    if inspect.isclass(origin) and issubclass(origin, Sequence):
        return [newer(parts[0])]
    assert hint is int, f"how does a newer release write {hint}?"
    return 1


COMMANDS = {
    command.name: command
    for module in modules(domain)
    for command in vars(module).values()
    if isinstance(command, Command)
}
FIELDS = [
    pytest.param(each, name, hint, id=f"{each.__name__}.{name}")
    for each in classes(domain)
    if is_dataclass(each) and each is not Command
    for name, hint in get_type_hints(each).items()
    if any(enumerations(hint)) and name in {field.name for field in fields(each)}
]
ANSWERS = [
    pytest.param(command.result_type, id=name)
    for name, command in COMMANDS.items()
    if any(enumerations(command.result_type))
]
SHOWN = [
    pytest.param(each, name, id=f"{each.__name__}.{name}")
    for each in classes(api)
    if issubclass(each, ResponseBody)
    for name, field in each.model_fields.items()
    if any(enumerations(field.annotation)) and Weekday not in enumerations(field.annotation)
]


def through_temporal(value: Any, hint: Any) -> Any:
    """Read a value as a type, and return it written again."""
    (sent,) = CONVERTER.to_payloads([value])
    read = CONVERTER.from_payloads([sent], [hint])
    (written,) = CONVERTER.to_payloads(read)
    return CONVERTER.from_payloads([written], [Any])[0]


def test_every_enumeration_is_open_or_has_a_reason_not_to_be() -> None:
    found = {each for each in classes(domain, api) if issubclass(each, StrEnum) and any(each)}

    assert {OrderStatus, WhenNobody} <= found
    assert {each for each in found if not issubclass(each, OpenStrEnum)} == set(CLOSED)


@pytest.mark.parametrize(("owner", "name", "hint"), FIELDS)
def test_a_field_of_a_message_passes_it_through(owner: type, name: str, hint: Any) -> None:
    value = {name: newer(hint)}

    if any(each in CLOSED for each in enumerations(hint)):
        with pytest.raises((TypeError, RuntimeError)):
            through_temporal(value, owner)
    else:
        assert through_temporal(value, owner)[name] == value[name]


@pytest.mark.parametrize("answered", ANSWERS)
def test_the_answer_to_a_command_passes_it_through(answered: Any) -> None:
    assert through_temporal(NEWER, answered) == NEWER


@pytest.mark.parametrize(("shown", "name"), SHOWN)
def test_an_answer_of_the_api_passes_it_through(shown: type[ResponseBody], name: str) -> None:
    member: TypeAdapter[Any] = TypeAdapter(get_type_hints(shown)[name])

    assert member.dump_python(member.validate_python(NEWER), mode="json") == NEWER


@pytest.mark.parametrize(
    "enumeration", [each for each in classes(domain) if issubclass(each, OpenStrEnum) and any(each)]
)
def test_a_newer_value_is_a_text_that_is_none_of_those_that_are_known(enumeration: type[OpenStrEnum]) -> None:
    value = enumeration(NEWER)

    assert isinstance(value, enumeration)
    assert (value, str(value), f"{value}", value.value) == (NEWER, NEWER, NEWER, NEWER)
    assert value == enumeration(NEWER)
    assert {value: 1}[enumeration(NEWER)] == 1
    assert not value.known
    assert value not in list(enumeration)
    assert all(member.known and enumeration(member.value) is member for member in enumeration)
    with pytest.raises(ValueError, match="is not a valid"):
        enumeration(7)  # type: ignore[arg-type]


def test_a_newer_status_is_not_taken_to_be_final() -> None:
    assert not OrderStatus(NEWER).final
