"""What the answer to a request shows of people, for the access log."""

from collections.abc import Callable
from dataclasses import dataclass, field

from fastapi import Request
from starlette.types import Scope

NO_FILTERS = frozenset({"sort", "limit", "cursor"})
"""The parameters of lists that select nothing."""
_KEY = "disclosures"
"""The key in a request's state."""


@dataclass
class Disclosed:
    """Whom an answer, or a part of it, has shown to somebody else."""

    customers: set[str] = field(default_factory=set)
    """Their ids."""
    others: set[str] = field(default_factory=set)
    """The orders of people whose customer id is not known. Each order counts as one person."""
    workflows: set[str] = field(default_factory=set)
    """The workflows whose content was decrypted."""
    consulted: bool = False
    """Whether the answer shows the access log itself, or the audit."""
    filters: frozenset[str] = frozenset()
    """Names of the filters in the body of the request, without their values."""

    @property
    def people(self) -> int:
        """How many people."""
        return len(self.customers) + len(self.others)

    def __bool__(self) -> bool:
        return bool(self.people or self.consulted)


class Disclosures:
    """Collects whom the answer to one request shows. A long answer is taken in parts."""

    def __init__(self, on_first: Callable[[], None]) -> None:
        """Begin with nobody.

        Args:
            on_first: Called when a part begins.
        """
        self._on_first = on_first
        self._disclosed = Disclosed()

    def show(self, customer_id: str | None, order_id: str) -> None:
        """Note that the answer shows personal data of an order's customer, who may not be known."""
        disclosed = self._begun()
        if customer_id:
            disclosed.customers.add(customer_id)
        else:
            disclosed.others.add(order_id)

    def decrypt(self, customer_id: str | None, order_id: str, workflow_id: str | None) -> None:
        """Note that the answer shows the content of a workflow."""
        self.show(customer_id, order_id)
        if workflow_id:
            self._disclosed.workflows.add(workflow_id)

    def consult(self) -> None:
        """Note that the answer shows the access log or the audit. Whom they name is not counted."""
        self._begun().consulted = True

    def filter_by(self, names: frozenset[str]) -> None:
        """Note the names of the filters in the body of the request."""
        self._disclosed.filters = names

    def take(self) -> Disclosed:
        """Return what was noted since the last time."""
        disclosed, self._disclosed = self._disclosed, Disclosed(filters=self._disclosed.filters)
        return disclosed

    def _begun(self) -> Disclosed:
        if not self._disclosed:
            self._on_first()
        return self._disclosed


def attach(scope: Scope, disclosures: Disclosures) -> None:
    """Let the routes note disclosures of a request."""
    scope.setdefault("state", {})[_KEY] = disclosures


def disclosures_of(request: Request) -> Disclosures:
    """Return the disclosures of a request."""
    disclosures: Disclosures = getattr(request.state, _KEY)
    return disclosures
