"""Conversions between orders and rows of the read model, and the conditions for a filter."""

from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Table, false, or_, true

from domain.common.reach import Reach
from domain.common.texts import folded
from domain.order_status.view import OrderFilter, OrderView, searched
from domain.orders import Attention, Order, OrderStatus
from domain.visits import TimeWindow
from stores.order_status.customers import of_customer

_CONVERTED = {"status", "visit", "attention", "history"}
_SAME_NAME = [field.name for field in fields(Order) if field.name not in _CONVERTED]
"""The fields of an order that a column of the same name holds."""


def as_row(order: Order, at: datetime, engineer_before: str | None = None) -> dict[str, Any]:
    """Return the columns of an order that is stored at a time, in place of a version with some engineer, or none."""
    visit, attention = order.visit, order.attention
    return {
        **{name: getattr(order, name) for name in _SAME_NAME},
        "status": order.status.value,
        "visit_start": visit.start if visit else None,
        "visit_end": visit.end if visit else None,
        "attention_reason": str(attention.reason) if attention else None,
        "attention_since": attention.since if attention else None,
        "attention_detail": attention.detail if attention else None,
        "acknowledged_by": attention.acknowledged_by if attention else None,
        "acknowledged_at": attention.acknowledged_at if attention else None,
        "former_engineer_id": engineer_before if engineer_before != order.engineer_id else None,
        "needs_person": attention is not None,
        "history": order.history,
        "searched": searched(order),
        "updated_at": at,
    }


def as_view(row: Any) -> OrderView:
    """Return the order of a row, without its history."""
    order = Order(
        **{name: getattr(row, name) for name in _SAME_NAME},
        status=OrderStatus(row.status),
        visit=TimeWindow(row.visit_start, row.visit_end) if row.visit_start else None,
        attention=_attention(row),
    )
    return OrderView(order, row.updated_at)


def with_history(row: Any) -> OrderView:
    """Return the order of a row, with its history."""
    view = as_view(row)
    view.order.history = row.history
    return view


def _attention(row: Any) -> Attention | None:
    if row.attention_reason is None:
        return None
    return Attention(
        reason=row.attention_reason,
        since=row.attention_since,
        detail=row.attention_detail,
        acknowledged_by=row.acknowledged_by,
        acknowledged_at=row.acknowledged_at,
    )


def conditions(wanted: OrderFilter, table: Table) -> list[ColumnElement[bool]]:
    """Return the conditions of a filter on either table."""
    found: list[ColumnElement[bool]] = []
    if wanted.statuses:
        found.append(table.c.status.in_(wanted.statuses))
    if wanted.regions:
        found.append(table.c.region.in_(wanted.regions))
    if wanted.engineer_id is not None:
        found.append(table.c.engineer_id == wanted.engineer_id)
    if wanted.customer_id is not None:
        found.append(table.c.customer_id == wanted.customer_id)
    if wanted.attention is not None:
        found += _attention_conditions(wanted.attention, wanted.attention_seen, table)
    if wanted.q is not None:
        part = table.c.searched.contains(folded(wanted.q), autoescape=True)
        customers = of_customer(wanted.q, table) if wanted.finds_customers else ()
        found.append(or_(table.c.order_id == wanted.q.strip(), part, *customers))
    return found


def reached(reach: Reach, table: Table) -> list[ColumnElement[bool]]:
    """Return the conditions of a reach, on the orders as they are now."""
    found: list[ColumnElement[bool]] = []
    if reach.customer_id is not None:
        found.append(table.c.customer_id == reach.customer_id)
    if reach.engineer_id is not None:
        found.append(table.c.engineer_id == reach.engineer_id)
    if reach.regions is not None:
        found.append(table.c.region.in_(sorted(reach.regions)))
    if reach.order_id is not None:
        found.append(table.c.order_id == reach.order_id)
    return found


def _attention_conditions(attention: str, seen: frozenset[str] | None, table: Table) -> list[ColumnElement[bool]]:
    reason = table.c.attention_reason
    if attention == "false":
        # This matches nearly every order, so no index should be used.
        return [reason.is_(None) if seen is None else or_(reason.is_(None), reason.not_in(sorted(seen)))]
    found = [table.c.needs_person == true()]
    if attention != "true":
        found.append(reason == attention if seen is None or attention in seen else false())
    elif seen is not None:
        found.append(reason.in_(sorted(seen)))
    return found
