"""The Web UI shows the story of an order, and no personal data (rules 1 and 13)."""

import json
import logging
from collections.abc import Iterator
from datetime import timedelta

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import WorkflowHistory

from domain.orders import CancelRequest, HistoryEntry, Order, OrderStatus
from tests.eventually import PATIENCE
from tests.workflows import places
from tests.workflows.placed import Placed
from tests.workflows.stage import Stage
from workflows.orders import visibility
from workflows.orders.visibility import ORDER_STATUS, SEARCH_ATTRIBUTES

NAME, PHONE, ADDRESS, NOTE = "Hong-Gildong", "010-1234-5678", "Seoul-Teheran-ro-152", "the-dog-bites"
REASON = "divorced-and-moved"
CUSTOMER = "hong@example.com"


async def attributes(order: Placed) -> dict[str, str | None]:
    """Return the search attributes on the server."""
    shown = (await order.handle.describe()).typed_search_attributes
    return {key.name: shown.get(key) for key in SEARCH_ATTRIBUTES}


async def details(order: Placed) -> str:
    """Query the current details, as the Web UI does."""
    metadata = await order.handle.query(
        "__temporal_workflow_metadata", result_type=WorkflowMetadata, rpc_timeout=timedelta(seconds=PATIENCE)
    )
    assert isinstance(metadata, WorkflowMetadata)
    return metadata.current_details


def shown(status: str, engineer_id: str | None = None, attention: str | None = None) -> dict[str, str | None]:
    return {"OrderStatus": status, "Region": "KR-11", "EngineerId": engineer_id, "Attention": attention}


async def test_an_order_is_found_by_its_status_before_any_worker_has_seen_it(stage: Stage) -> None:
    await stage.stop_orders()
    order = await stage.place()

    assert (await attributes(order))[ORDER_STATUS.name] == "JOIN_ORDERED"


async def test_search_attributes_tell_the_same_as_the_projection_at_every_wait(stage: Stage) -> None:
    order = await stage.place()
    await places.requested(order)
    assert await attributes(order) == shown("INSTALLATION_REQUESTED", "e1")

    await order.accept()
    await order.until(OrderStatus.INSTALLATION_ACCEPTED)
    assert await attributes(order) == shown("INSTALLATION_ACCEPTED", "e1")

    await order.complete()
    await order.result()
    assert await attributes(order) == shown("JOIN_COMPLETED", "e1")


async def test_search_attributes_tell_that_nobody_has_the_order_and_a_person_is_asked_for(stage: Stage) -> None:
    stage.contexts.engineers = ["e1"]
    order = await stage.place()
    await places.declined(order)
    await places.awaiting_engineer(order)
    assert await attributes(order) == shown("AWAITING_ENGINEER", None, "NO_ENGINEER")

    stage.contexts.engineers = ["e1", "e2"]
    await order.assign("e2")
    await order.until_with(OrderStatus.INSTALLATION_REQUESTED, "e2")
    assert await attributes(order) == shown("INSTALLATION_REQUESTED", "e2")

    await order.cancel()
    await order.result()
    assert await attributes(order) == shown("ORDER_CANCELED", "e2")


async def test_current_details_tell_the_whole_story(stage: Stage) -> None:
    order = await stage.place()
    assert "JoinOrdered" in await details(order)
    await places.accepted(order)
    await order.cancel()
    await order.result()

    told = await details(order)

    assert "ORDER_CANCELED" in told
    for entry in order.row.history:
        assert f"{entry.at:%F %T}" in told
        assert entry.event in told


async def test_nothing_personal_is_shown_indexed_or_logged(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="temporalio")
    stage.contexts.faults.fail("assign_engineer")
    order = await stage.place(
        customer_id=CUSTOMER, customer_name=NAME, contact_phone=PHONE, installation_address=ADDRESS, note=NOTE
    )
    await places.requested(order)
    await order.decline(reason=REASON)
    await order.until_with(OrderStatus.INSTALLATION_REQUESTED, "e2")
    told = await details(order)
    await order.handle.signal("request_cancel", CancelRequest("customer", REASON))
    await order.result()

    description = await order.handle.describe()
    history = await order.handle.fetch_history()
    visible = [
        await details(order),
        told,
        order.handle.id,
        str(description.typed_search_attributes),
        str(await description.static_summary()),
        str(await description.static_details()),
        str(await description.memo()),
        *summaries(history),
        *(record.getMessage() + str(record.__dict__) for record in caplog.records if "temporalio" in record.name),
    ]

    for secret in (CUSTOMER, NAME, PHONE, ADDRESS, NOTE, REASON):
        assert [text for text in visible if secret in text] == []


async def test_every_activity_and_timer_says_in_two_languages_what_it_is_for(stage: Stage) -> None:
    order = await stage.place()
    await places.requested(order)
    await order.cancel()
    await order.result()

    history = await order.handle.fetch_history()
    begun = (EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED, EventType.EVENT_TYPE_TIMER_STARTED)
    named = [event for event in history.events if event.event_type in begun]
    assert len(named) == 8
    assert all(" · " in json.loads(event.user_metadata.summary.data) for event in named)


def summaries(history: WorkflowHistory) -> Iterator[str]:
    """Yield the summaries and details of the events."""
    for event in history.events:
        yield from (payload.data.decode() for payload in (event.user_metadata.summary, event.user_metadata.details))


def test_what_a_client_sends_cannot_format_what_operators_see() -> None:
    order = Order(
        "1",
        product_name="[free](https://evil.example) `IPTV`",
        history=[HistoryEntry("JoinOrdered", by="manager:1` [approve](https://evil.example)")],
    )

    assert "`manager:1 [approve](https://evil.example)`" in visibility.details(order)
    assert not set("[]()`*_<>") & set(visibility.summary(order))
