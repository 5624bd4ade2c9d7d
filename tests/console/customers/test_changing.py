"""A customer moves the visit and cancels, with a definite answer; and nobody else does."""

import re
from collections.abc import AsyncIterator

import pytest

from console.roles import Role
from tests.api.service import Service, window
from tests.console.browser import CUSTOMER, Browser, Pages, form_of, pages_of, text_of
from tests.console.customers.ordering import offer_products, ordered

MOVED = "The visit has been moved to"
TOO_LATE = "This is not possible any more in the current state of the order."


@pytest.fixture
async def pages(service: Service) -> AsyncIterator[Pages]:
    await offer_products(service)
    async with pages_of(service) as pages:
        yield pages


@pytest.fixture
async def working(pages: Pages) -> Pages:
    """The console while all workers run."""
    await pages.service.work()
    return pages


async def requested(pages: Pages, person: Browser) -> str:
    """Place an order, and wait until an engineer is asked. Returns its id."""
    order_id = await ordered(person)
    await pages.service.until(order_id, "INSTALLATION_REQUESTED")
    return order_id


async def test_a_customer_moves_the_visit(working: Pages) -> None:
    person = await working.person(CUSTOMER)
    order_id = await requested(working, person)
    path = f"/orders/{order_id}/reschedule"
    page = await person.get(path)
    start = window(13, days=5)
    assert f'value="{start}"' in page.text
    present = (await working.service.http.get(f"/orders/{order_id}")).json()["visit"]["start"]
    assert f'value="{present}"' not in page.text

    moved = await person.follow(await person.post(path, {**form_of(page, path), "visit": start}))
    again = await person.post(path, {**form_of(page, path), "visit": window(15, days=6)})
    nothing = await person.post(path, form_of(page, path))

    assert MOVED in text_of(moved)
    assert (await working.service.http.get(f"/orders/{order_id}")).json()["visit"]["start"] == start
    assert again.status_code == 409
    assert "The order has changed in the meantime." in text_of(again)
    assert form_of(again, path)["version"] != form_of(page, path)["version"]
    assert nothing.status_code == 422


async def test_a_time_that_was_just_taken_is_refused_with_the_nearest_free_ones(working: Pages) -> None:
    person = await working.person(CUSTOMER)
    order_id = await requested(working, person)
    path = f"/orders/{order_id}/reschedule"
    form = form_of(await person.get(path), path)
    taken = await _window_without_anybody(working)

    page = await person.post(path, {**form, "visit": taken})

    assert page.status_code == 409
    assert "This time has just been taken." in text_of(page)
    assert "The nearest free times" in text_of(page)
    offered = re.findall(r'name="visit" value="([^"]+)"', page.text)
    assert len(offered) == 5
    answer = await person.post(path, {**form_of(page, path), "visit": offered[0]})
    assert MOVED in text_of(await person.follow(answer))


async def _window_without_anybody(pages: Pages) -> str:
    """Return a window of the grid in which no engineer of the region works."""
    free = (await pages.service.http.get("/managementCenters/slots", params={"address": "Seoul"})).json()["items"]
    starts = {slot["start"] for slot in free}
    for days in range(3, 12):
        for hour in (19, 21):
            if (start := window(hour, days=days)) not in starts:
                return start
    raise AssertionError("somebody always works")


async def test_canceling_is_done_and_again_it_still_is(working: Pages) -> None:
    person = await working.person(CUSTOMER)
    order_id = await requested(working, person)
    path = f"/orders/{order_id}/cancel"
    assert "will not take place" in text_of(await person.get(path))

    for _ in range(2):
        answer = await person.post(path, {"reason": "moved away"})
        assert "The order is canceled." in text_of(await person.follow(answer))
    assert TOO_LATE in text_of(await person.follow(await person.get(path)))
    shown = text_of(await person.get(f"/orders/{order_id}"))
    assert "Canceled" in shown
    assert "“moved away”" in shown
    assert "Cancel the order" not in shown
    assert text_of(await person.get("/orders")).count("The order is canceled, and nobody will come.") == 1


async def test_after_the_completion_it_is_too_late_to_cancel(working: Pages) -> None:
    person = await working.person(CUSTOMER)
    order_id = await requested(working, person)
    for act in ("accept", "complete"):
        assert (await working.service.act(order_id, act)).status_code == 200
    await working.service.closed(order_id)

    answer = await person.post(f"/orders/{order_id}/cancel")

    shown = text_of(await person.follow(answer))
    assert "It is too late to cancel: the installation has been completed." in shown
    assert "Everything is installed." in shown
    for question in ("cancel", "reschedule"):
        asked = await person.follow(await person.get(f"/orders/{order_id}/{question}"))
        assert TOO_LATE in text_of(asked)


async def test_while_the_engineer_is_at_work_no_other_time_can_be_chosen(working: Pages) -> None:
    person = await working.person(CUSTOMER)
    order_id = await requested(working, person)
    before = form_of(await person.get(f"/orders/{order_id}/reschedule"), f"/orders/{order_id}/reschedule")
    for act in ("accept", "start"):
        assert (await working.service.act(order_id, act)).status_code == 200

    asked = await person.follow(await person.get(f"/orders/{order_id}/reschedule"))
    sent = await person.post(f"/orders/{order_id}/reschedule", {**before, "visit": window(13, days=5)})

    assert TOO_LATE in text_of(asked)
    assert "Choose another time" not in text_of(asked)
    assert TOO_LATE in text_of(await person.follow(sent))
    assert "The engineer is already at work." in text_of(await person.get(f"/orders/{order_id}/cancel"))


async def test_while_no_worker_runs_a_cancellation_is_recorded(pages: Pages) -> None:
    person = await pages.person(CUSTOMER, "ko")
    order_id = await ordered(person)

    answer = await person.post(f"/orders/{order_id}/cancel")

    assert "취소 요청을 접수했습니다." in text_of(await person.follow(answer))
    again = text_of(await person.follow(answer))
    assert "취소 요청을 접수했고 처리하고 있습니다." in again
    assert "방문 시간 변경" not in again
    assert "신청 취소" not in again
    await pages.service.work()
    await pages.service.until(order_id, "ORDER_CANCELED")
    assert "신청이 취소되어 방문하지 않습니다." in text_of(await person.follow(answer))


async def test_an_order_of_another_is_as_if_there_were_none(pages: Pages) -> None:
    order_id = await ordered(await pages.person(CUSTOMER))
    stranger = await pages.person("customer:2")
    sent = {"visit": window(), "version": "0", "reason": "mine"}

    for (method, path), routes in pages.console.table.by_request.items():
        if "{orderId}" not in path:
            continue
        # What no customer may do says so before it looks for the order.
        refused = 404 if any(Role.CUSTOMER in route.roles for route in routes) else 403
        answers = []
        for wanted in (order_id, "no-such-order"):
            to = path.replace("{orderId}", wanted)
            answers.append(await (stranger.get(to) if method == "GET" else stranger.post(to, sent)))
        own, none = answers
        assert own.status_code == none.status_code == refused, (method, path)
        assert text_of(own) == text_of(none)
        assert "세종대로" not in own.text
    assert "You have no orders yet." in text_of(await stranger.get("/orders"))
    order = (await pages.service.http.get(f"/orders/{order_id}")).json()
    assert (order["status"], order["attention"]) == ("JOIN_ORDERED", None)


async def test_the_visit_goes_into_a_calendar(working: Pages) -> None:
    person = await working.person(CUSTOMER, "ko")
    order_id = await requested(working, person)
    visit = (await working.service.http.get(f"/orders/{order_id}")).json()["visit"]

    file = await person.get(f"/orders/{order_id}/visit.ics")

    lines = file.text.replace("\r\n ", "").split("\r\n")
    assert file.headers["content-type"].startswith("text/calendar")
    assert f"DTSTART:{re.sub('[-:]', '', visit['start'])}" in lines
    assert "SUMMARY:인터넷 설치" in lines
    assert "LOCATION:서울특별시 중구 세종대로 110" in lines
    assert max(len(line.encode()) for line in file.text.split("\r\n")) <= 75


async def test_a_visit_that_is_not_booked_is_in_no_calendar(pages: Pages) -> None:
    person = await pages.person(CUSTOMER)

    assert (await person.get(f"/orders/{await ordered(person)}/visit.ics")).status_code == 404
