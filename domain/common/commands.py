"""How the saga names what it asks of another context: a name, the queue that serves it, and the types that cross.

This is all that a workflow sees of an activity.
"""

from dataclasses import dataclass
from typing import Generic, TypeVar

Input = TypeVar("Input")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Command(Generic[Input, Result]):
    """One activity, as both sides of the task queue know it."""

    name: str
    context: str
    """The context that carries it out; its task queue has the same name."""
    input_type: type[Input]
    result_type: type[Result]
    summary: str
    """For the people who watch Temporal's Web UI, in Korean and English."""
