"""What an engineer sends counts once, or is refused with a reason; and what was entered is never lost."""

from typing import Any

import pytest

from tests.api.service import Service, window
from tests.console.browser import Browser, Pages, form_of, text_of
from tests.console.engineers.visits import ME, visit
from tests.console.engineers.visits import window as on_a_day
from tests.eventually import soon

ENGINEER = f"engineer:{ME}"


async def asked(service: Service, hour: int = 9) -> str:
    """Have an installation requested from the engineer, for the window that begins at an hour."""
    order_id = await service.requested(preferredVisit=window(hour))
    assigned = await service.http.put(f"/managementCenters/assignments/{order_id}", json={"engineerId": ME})
    assert assigned.status_code == 200, assigned.text
    await requested(service, order_id, ME, window(hour))
    return order_id


async def requested(service: Service, order_id: str, engineer_id: str, start: str) -> None:
    """Wait until the installation is requested from an engineer for a window."""

    async def done() -> bool:
        newest = (await service.http.get(f"/installations/{order_id}")).json()
        wanted = (engineer_id, "REQUESTED", start)
        return wanted == (newest["engineerId"], newest["status"], newest["visit"]["start"])

    await soon(done, what=f"{order_id} requested from {engineer_id}")


async def events(service: Service, order_id: str) -> list[str]:
    order = (await service.http.get(f"/orders/{order_id}")).json()
    return [entry["event"] for entry in order["history"]]


async def send(engineer: Browser, order_id: str, action: str, **fields: str) -> Any:
    return await engineer.post(f"/visits/{order_id}/{action}", fields)


async def test_a_visit_from_the_request_to_the_completion(pages: Pages) -> None:
    service = pages.service
    await service.work()
    order_id = await asked(service)
    engineer = await pages.person(ENGINEER)
    shown = form_of(await engineer.get(f"/visits/{order_id}"), f"/visits/{order_id}/accept")

    accepted = await engineer.follow(await send(engineer, order_id, "accept", **shown))
    started = await engineer.follow(await send(engineer, order_id, "start", **shown))
    report = await engineer.get(f"/visits/{order_id}/complete")
    entered = form_of(report, f"/visits/{order_id}/complete") | {"note": "거실", "serial": "ONT-1"}
    completed = await engineer.follow(await send(engineer, order_id, "complete", **entered))

    assert "You have accepted the visit." in text_of(accepted)
    assert "The installation has begun." in text_of(started)
    assert "The installation is reported as done." in text_of(completed)
    installation = (await service.http.get(f"/installations/{order_id}")).json()
    assert (installation["status"], installation["note"], installation["serials"]) == ("COMPLETED", "거실", ["ONT-1"])
    again = await send(engineer, order_id, "start", **shown)
    assert again.status_code == 303, text_of(again)


async def test_a_report_whose_answer_was_lost_is_kept_in_the_form_and_counts_once(pages: Pages) -> None:
    service = pages.service
    await service.work()
    order_id = await asked(service)
    engineer = await pages.person(ENGINEER)
    await send(engineer, order_id, "accept")
    pages.line.unanswered.add("POST /installations")

    lost = await engineer.http.post(
        f"/visits/{order_id}/complete",
        data={"note": "거실", "serial": ["ONT-1", "STB-2"]},
        headers={"Sec-Fetch-Site": "same-origin"},
    )
    pages.line.unanswered.clear()
    kept = form_of(lost, f"/visits/{order_id}/complete")
    again = [await send(engineer, order_id, "complete", **kept) for _ in range(2)]

    assert (lost.status_code, lost.headers["Retry-After"]) == (503, "1")
    assert "Try again" in text_of(lost)
    assert kept["note"] == "거실"
    assert all(f'value="{serial}"' in lost.text for serial in ("ONT-1", "STB-2"))
    assert [answer.status_code for answer in again] == [303, 303]
    assert (await events(service, order_id)).count("InstallationCompleted") == 1
    installation = (await service.http.get(f"/installations/{order_id}")).json()
    assert installation["serials"] == ["ONT-1", "STB-2"]


async def test_a_declined_visit_goes_to_another_engineer_with_the_reason_that_was_chosen(pages: Pages) -> None:
    service = pages.service
    await service.work()
    order_id = await asked(service)
    engineer = await pages.person(ENGINEER, "ko")

    answer = await send(engineer, order_id, "decline", reason="DISTANCE", note="강남에 있습니다")

    assert "다른 기사에게 요청합니다" in text_of(await engineer.follow(answer))
    order = (await service.http.get(f"/orders/{order_id}")).json()
    [declined] = [entry for entry in order["history"] if entry["event"] == "InstallationDeclined"]
    assert declined["detail"] == "다른 방문지에서 너무 멉니다: 강남에 있습니다"
    refused = await send(engineer, order_id, "accept")
    assert (refused.status_code, "이미 거절한 방문입니다" in text_of(refused)) == (409, True)


async def test_what_no_longer_counts_is_refused_with_what_is_true_now(pages: Pages) -> None:
    service = pages.service
    await service.work()
    canceled, given, early = [await asked(service, hour) for hour in (9, 11, 13)]
    engineer = await pages.person(ENGINEER)
    await send(engineer, canceled, "accept")
    await send(engineer, given, "accept")
    assert (await service.http.post(f"/orders/{canceled}/cancel")).status_code == 200
    await service.http.put(f"/managementCenters/assignments/{given}", json={"engineerId": "kr-11-2"})
    await requested(service, given, "kr-11-2", window(11))

    entered = {"note": "거실", "serial": "ONT-1"}
    answers = [await send(engineer, order_id, "complete", **entered) for order_id in (canceled, given, early)]
    failed = await send(engineer, early, "incomplete", reason="OTHER")

    assert [answer.status_code for answer in (*answers, failed)] == [409] * 4
    said = [text_of(answer) for answer in answers]
    assert "This order has been canceled. You do not need to go." in said[0]
    assert "This visit was moved to another engineer or another time. You do not need to go." in said[1]
    assert "You have not accepted this visit yet." in said[2]
    assert ["What you entered: 거실 · ONT-1" in text for text in said] == [True] * 3
    assert "What you entered: Something else" in text_of(failed)
    assert "InstallationCompleted" not in await events(service, early)


async def test_what_was_meant_for_another_time_is_not_sent(pages: Pages) -> None:
    service = pages.service
    await service.work()
    order_id = await asked(service)
    engineer = await pages.person(ENGINEER)
    shown = form_of(await engineer.get(f"/visits/{order_id}"), f"/visits/{order_id}/accept")
    moved = await service.http.post(f"/orders/{order_id}/reschedule", json={"preferredVisit": window(13)})
    assert moved.status_code == 200, moved.text
    await requested(service, order_id, ME, window(13))

    answer = await send(engineer, order_id, "accept", **shown)
    report = await send(engineer, order_id, "complete", **shown, note="거실", serial="ONT-1")

    assert (answer.status_code, report.status_code) == (409, 409)
    assert "13:00–15:00. Please look at it again." in text_of(answer)
    assert "What you entered" not in text_of(answer)
    assert "What you entered: 거실 · ONT-1" in text_of(report)
    assert "InstallationAccepted" not in await events(service, order_id)


@pytest.mark.parametrize(
    ("action", "steps", "entered"),
    [
        ("accept", (), {}),
        ("decline", (), {"reason": "TIME", "note": "차량 고장"}),
        ("start", ("accept",), {}),
        ("complete", ("accept",), {"note": "거실", "serial": "ONT-1"}),
        ("incomplete", ("accept",), {"reason": "OTHER", "note": "공사 중"}),
    ],
)
async def test_while_the_order_cannot_be_reached_the_form_stays_filled(
    bare: Pages, action: str, steps: tuple[str, ...], entered: dict[str, str]
) -> None:
    await visit(bare, "o1", on_a_day(9), *steps)
    engineer = await bare.person(ENGINEER)
    shown = form_of(await engineer.get(f"/visits/o1/{action}"), f"/visits/o1/{action}")

    answer = await send(engineer, "o1", action, **shown | entered)

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert "it will not be done twice" in text_of(answer)
    assert "Try again" in text_of(answer)
    for value in entered.values():
        assert f'value="{value}"' in answer.text or f">{value}</textarea>" in answer.text


@pytest.mark.parametrize("action", ["decline", "incomplete"])
async def test_a_reason_is_asked_for_and_the_note_stays(bare: Pages, action: str) -> None:
    await visit(bare, "o1", on_a_day(9), *(["accept"] if action == "incomplete" else []))
    engineer = await bare.person(ENGINEER)

    answer = await send(engineer, "o1", action, note="차량 고장")

    assert answer.status_code == 422
    assert "Please choose one." in text_of(answer)
    assert "차량 고장" in answer.text
    assert "이서연 (customer)" in text_of(answer)


async def test_what_the_api_does_not_take_is_said_at_its_field(bare: Pages) -> None:
    await visit(bare, "o1", on_a_day(9), "accept")
    engineer = await bare.person(ENGINEER)

    answer = await send(engineer, "o1", "complete", serial="A" * 201, note="N" * 201)

    assert answer.status_code == 422
    assert 'id="serial-1-error"' in answer.text
    assert 'id="note-error"' in answer.text
    assert "Serial number 1: At most 200 characters are possible." in text_of(answer)
    assert "A" * 201 in answer.text


async def test_lines_for_serial_numbers_are_added_without_a_script(bare: Pages) -> None:
    await visit(bare, "o1", on_a_day(9), "accept")
    engineer = await bare.person(ENGINEER)

    page = await engineer.http.post(
        "/visits/o1/complete",
        data={"serial": ["A-1", "A-2", "A-3"], "note": "거실", "more": "1"},
        headers={"Sec-Fetch-Site": "same-origin"},
    )

    assert page.status_code == 200
    assert page.text.count('name="serial"') == 4
    assert 'id="serial-3" name="serial" value="A-3"' in page.text
    assert "autofocus" in page.text
    assert "거실" in page.text


@pytest.mark.parametrize(
    ("steps", "days", "offered"),
    [
        ((), 0, {"accept", "decline"}),
        ((), 2, {"accept", "decline"}),
        (("accept",), 0, {"start", "complete", "incomplete"}),
        (("accept",), -1, {"start", "complete", "incomplete"}),
        (("accept",), 1, {"start", "complete", "incomplete"}),
        (("accept", "start"), 0, {"complete", "incomplete"}),
        (("accept", "complete"), 0, set()),
        (("decline",), 0, set()),
        (("withdraw",), 0, set()),
    ],
)
async def test_what_can_be_done_next_is_offered_and_nothing_else(
    bare: Pages, steps: tuple[str, ...], days: int, offered: set[str]
) -> None:
    await visit(bare, "o1", on_a_day(9, days=days), *steps)
    engineer = await bare.person(ENGINEER)

    page = await engineer.get("/visits/o1")

    actions = {"accept", "decline", "start", "complete", "incomplete"}
    assert {action for action in actions if f'"/visits/o1/{action}"' in page.text} == offered


async def test_the_page_of_an_action_that_is_done_leads_to_the_visit(bare: Pages) -> None:
    await visit(bare, "o1", on_a_day(9), "accept", "complete")
    engineer = await bare.person(ENGINEER)

    for action in ("accept", "complete", "decline"):
        answer = await engineer.get(f"/visits/o1/{action}")
        assert (answer.status_code, answer.headers["Location"]) == (303, "/visits/o1")


@pytest.mark.parametrize(("days", "asks"), [(0, False), (2, True), (-1, True)])
async def test_starting_on_another_day_asks_first(bare: Pages, days: int, asks: bool) -> None:
    await visit(bare, "o1", on_a_day(9, days=days), "accept")
    engineer = await bare.person(ENGINEER)

    page, question = await engineer.get("/visits/o1"), await engineer.get("/visits/o1/start")

    assert ('action="/visits/o1/start"' in page.text) is not asks
    assert ('href="/visits/o1/start"' in page.text) is asks
    assert ("not planned for today" in text_of(question)) is asks
