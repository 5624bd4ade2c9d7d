"""How the saga names what it asks of another context: a name, the queue that serves it, and the types that cross.

This is all that a workflow sees of an activity.
"""

from dataclasses import dataclass
from typing import Generic, TypeVar

Asked = TypeVar("Asked")
Answered = TypeVar("Answered")


@dataclass(frozen=True)
class Command(Generic[Asked, Answered]):
    """One activity, as both sides of the task queue know it."""

    name: str
    context: str
    """The context that carries it out; its task queue has the same name."""
    asked: type[Asked]
    answered: type[Answered]
    summary: str
    """For the people who watch Temporal's Web UI, in Korean and English."""
