"""Binding of payloads to workflows: what is written, and what is refused.

docs/privacy.md describes the steps from one to the next.
"""

import re
from enum import StrEnum
from pathlib import Path

from domain.order_status.reconciliation import WORKFLOW_ID
from runtime import key_files


class PayloadBinding(StrEnum):
    """Binding of the payloads of this process."""

    ACCEPT = "accept"
    """Payloads are written without a binding. What is not bound, or not even encrypted, is read."""
    WRITE = "write"
    """Payloads are bound to their workflow. What is not bound is read."""
    REQUIRE = "require"
    """Payloads are bound to their workflow. Inputs and messages that are not are refused."""


_STARTED_BY_SCHEDULE = re.compile(rf"({WORKFLOW_ID})-\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def bound_id(workflow_id: str) -> str:
    """Return the id to which the payloads of a workflow are bound.

    The workflows of a schedule share the id that their schedule knows, without the time that the server appends: the
    schedule contains their input, and each of them reads the result of the one before.
    """
    scheduled = _STARTED_BY_SCHEDULE.fullmatch(workflow_id)
    return scheduled[1] if scheduled else workflow_id


def read_file(file: Path) -> PayloadBinding | None:
    """Return the binding in a file, or None if the file does not exist.

    Raises:
        ValueError: the file contains something else.
    """
    try:
        return PayloadBinding(file.read_text(encoding="ascii").strip())
    except FileNotFoundError:
        return None


def make_file(file: Path, binding: PayloadBinding) -> None:
    """Create a file with a binding if it does not exist."""
    key_files.make_file(file, binding)
