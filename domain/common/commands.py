"""Commands: what a workflow can ask another context to do.

A command has a name, the context (and task queue) that serves it, and the types of its input and result. Workflows
know activities only in this form.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Generic, TypeVar

Input = TypeVar("Input")
Result = TypeVar("Result")


class Priority(IntEnum):
    """Which of the commands that wait in a queue goes first: the smallest. It matters only while workers lag behind."""

    CANCEL = 1
    ENGINEER = 2
    """What an engineer has said, and waits for."""
    DEFAULT = 3
    """Temporal's default."""
    PROJECTION = 4
    """Nobody waits for it, and a later one makes it superfluous."""


@dataclass(frozen=True)
class Command(Generic[Input, Result]):
    """One activity, as both the caller and the worker know it."""

    name: str
    context: str
    """Context that carries it out. Its task queue has the same name."""
    input_type: type[Input]
    result_type: type[Result]
    summary: str
    """Text in Temporal's Web UI, in Korean and English."""
    priority: Priority = Priority.DEFAULT
