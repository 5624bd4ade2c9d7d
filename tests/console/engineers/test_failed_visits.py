"""Whoever comes next reads on the page of the visit why an earlier one led to nothing; so do managers at the order."""

from dataclasses import replace

import pytest
from httpx2 import Response

from domain.orders import Attention, AttentionReason, Event, HistoryEntry, Order
from domain.visits import TimeWindow
from stores.order_status.view import OrderStatusStore
from tests.console.browser import MANAGER, Pages, text_of
from tests.console.engineers.visits import GRID, ME, visit, window
from tests.domain.filled import filled

NEXT = f"engineer:{ME}"


async def a_second_visit(pages: Pages) -> TimeWindow:
    """Let a colleague's visit fail, and request another one from the engineer. Returns when the colleague was there."""
    first = window(9, -1)
    await visit(pages, "o1", first, "accept", "incomplete", engineer_id="kr-11-2", engineer_name="박지우")
    await visit(pages, "o1", window(11, 1), round=2)
    return first


async def test_the_engineer_reads_reason_and_note_of_a_colleagues_visit(bare: Pages) -> None:
    first = await a_second_visit(bare)

    told = text_of(await (await bare.person(NEXT)).get("/visits/o1"))

    [_, earlier] = told.split("Earlier visits without success")
    assert f"{first.start.astimezone(GRID.zone):%-d}" in earlier
    assert "09:00–11:00" in earlier
    assert "Nobody was at home" in earlier
    assert "거실" in earlier
    assert "박지우" not in told


async def test_a_first_visit_has_none(bare: Pages) -> None:
    await visit(bare, "o1", window(11, 1))

    assert "Earlier visits" not in text_of(await (await bare.person(NEXT)).get("/visits/o1"))


async def test_the_visit_is_shown_also_where_earlier_ones_cannot_be_told(bare: Pages) -> None:
    await a_second_visit(bare)
    engineer = await bare.person(NEXT)

    # 404: by an API of the release before, which does not tell it.
    for status, said in ((503, True), (500, True), (404, False)):
        bare.line.answers["GET /installations/o1/failedVisits"] = Response(status, json={"type": "x", "detail": "x"})
        page = await engineer.get("/visits/o1")
        assert page.status_code == 200
        assert "기가 인터넷" in page.text
        assert ("Earlier visits cannot be shown now." in text_of(page)) is said


async def test_managers_see_at_the_order_who_was_there_and_why_it_failed(bare: Pages) -> None:
    first = await a_second_visit(bare)
    failed = HistoryEntry(Event.INSTALLATION_INCOMPLETE, first.end, "engineer:kr-11-2", "CUSTOMER_ABSENT")
    order = replace(filled(Order), order_id="o1", order_date="2026-07-01", history=[failed])
    await bare.service.app.state.services.get(OrderStatusStore).put([order])
    manager = await bare.person(MANAGER)

    told = text_of(await manager.get("/orders/o1"))
    away = []
    for status in (503, 500):
        bare.line.answers["GET /installations/o1/failedVisits"] = Response(status, json={"type": "x", "detail": "x"})
        away.append(text_of(await manager.get("/orders/o1")))

    [_, earlier] = told.split("Earlier visit without success")
    assert "거실" in earlier
    assert "박지우" in earlier
    for page in away:
        assert "The installation system does not answer now." in page


@pytest.mark.parametrize(("language", "said"), [("ko", "고객 부재"), ("en", "The customer was not there")])
async def test_managers_read_in_their_language_why_the_last_visit_failed(bare: Pages, language: str, said: str) -> None:
    failed = HistoryEntry(Event.INSTALLATION_INCOMPLETE, window(9, -1).end)
    attention = Attention(AttentionReason.VISIT_FAILED, failed.at, "CUSTOMER_ABSENT")
    order = replace(filled(Order), order_id="o1", order_date="2026-07-01", history=[failed], attention=attention)
    await bare.service.app.state.services.get(OrderStatusStore).put([order])

    told = text_of(await (await bare.person(MANAGER, language)).get("/orders/o1"))

    assert "CUSTOMER_ABSENT" not in told
    assert said in told


@pytest.mark.parametrize(("language", "said"), [("ko", "기한 안에 답변하지 않음"), ("en", "No answer in time")])
async def test_engineers_and_managers_read_in_their_language_that_a_request_was_not_answered(
    bare: Pages, language: str, said: str
) -> None:
    at = window(9, -1)
    await visit(bare, "o1", at, "decline", reason="no answer in time")
    unanswered = HistoryEntry(Event.INSTALLATION_UNANSWERED, at.start, detail="no answer in time")
    order = replace(filled(Order), order_id="o1", order_date="2026-07-01", history=[unanswered], attention=None)
    await bare.service.app.state.services.get(OrderStatusStore).put([order])

    for person, path in ((NEXT, "/visits/o1"), (MANAGER, "/orders/o1")):
        told = text_of(await (await bare.person(person, language)).get(path))
        assert "no answer in time" not in told
        assert said in told
