"""Binding of activities to commands, and their collection for a worker."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from prometheus_client import CollectorRegistry
from temporalio import activity
from temporalio.client import Client

from domain.common.commands import Command
from runtime.settings import Settings
from stores.common.database import Database

Owner = TypeVar("Owner")
Input = TypeVar("Input")
Result = TypeVar("Result")

_COMMAND = "carried_out_command"


def carries_out(
    command: Command[Input, Any],
) -> Callable[[Callable[[Owner, Input], Awaitable[Result]]], Callable[[Owner, Input], Awaitable[Result]]]:
    """Turn a method into the activity that carries out a command."""

    def define(method: Callable[[Owner, Input], Awaitable[Result]]) -> Callable[[Owner, Input], Awaitable[Result]]:
        defined = activity.defn(name=command.name)(method)
        setattr(defined, _COMMAND, command)
        return defined

    return define


def commands_of(owner: type) -> Iterator[tuple[str, Command[Any, Any]]]:
    """Return the methods of a class that carry out commands, by name, and the command of each."""
    for name in dir(owner):
        command = getattr(getattr(owner, name), _COMMAND, None)
        if command is not None:
            yield name, command


@dataclass(frozen=True)
class Resources:
    """Resources that a worker process has opened for the activities of one context."""

    database: Database
    client: Client
    settings: Settings
    registry: CollectorRegistry
    """Registry for the metrics of the activities."""


@dataclass(frozen=True)
class Part:
    """The part of a context in a worker process."""

    owners: Sequence[object]
    """Objects whose methods are activities."""
    background: Callable[[asyncio.Event], Coroutine[Any, Any, None]] | None = None
    """Task that runs besides the activities until the event is set."""

    @property
    def activities(self) -> list[Callable[..., Any]]:
        """The bound methods, as a worker registers them."""
        return [getattr(owner, name) for owner in self.owners for name, _ in commands_of(type(owner))]
