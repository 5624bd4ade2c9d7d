"""How an event subscription stands is told in words, with what to do next; its attempts can be searched."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC
from typing import Any

import pytest
from httpx2 import Response

from console.event_subscriptions import held
from console.event_subscriptions.fields import values_of
from console.event_subscriptions.standing import FAILURE
from console.event_subscriptions.terms import terms_of
from console.managers import center
from console.texts import Texts
from domain.event_delivery.answers import Failure, Outcome
from domain.event_delivery.subscriptions import Attempt, PauseReason
from tests.console.browser import MANAGER, Pages, text_of
from tests.console.event_subscriptions import API, NOON, PATH, attempt, facts, hold, log, stand, subscribed

FAILING = {"failing_since": NOON, "failures": 7, "last_outcome": "unreachable", "last_status": 502, "retry_at": NOON}
ACTIVE = {"state": "ACTIVE", "agreed_at": NOON}


def paused(reason: str) -> dict[str, Any]:
    return {"state": "PAUSED", "pause_reason": reason, "paused_at": NOON}


STATES: Sequence[tuple[dict[str, Any], str, str | None]] = [
    ({}, "has not agreed yet", "Send a ping when the consumer is ready"),
    (FAILING, "did not agree when it was asked", "Check the address"),
    (ACTIVE, "has every event up to now", None),
    (ACTIVE | {"delivered": 0}, "Events are on their way", None),
    (ACTIVE | FAILING, "does not take events at the moment", "Once it works again, a ping"),
    (paused("BY_PERSON"), "Somebody has paused it", "Resume it when the consumer is ready"),
    (paused("UNREACHABLE") | FAILING, "did not work for so long", "Have the consumer mended"),
    (paused("GONE"), "wants no more events (410)", "Resume if it was a mistake"),
    (paused("UNVERIFIED"), "has not agreed in time", "it is asked again"),
    (paused("TARGET_FORBIDDEN"), "to which nothing may be sent", "Enter another address"),
    (paused("EVENTS_GONE"), "are not kept any more", "Resume from a position of your choice"),
]


@pytest.mark.usefixtures("in_2026")
async def test_a_state_is_told_with_what_to_do_next(bare: Pages) -> None:
    person = await bare.person(MANAGER)
    for columns, said, next_ in STATES:
        id_ = await subscribed(bare)
        if columns:
            await stand(bare, id_, **columns)

        page = text_of(await person.get(f"{PATH}/{id_}"))

        assert said in page, columns
        assert next_ is None or next_ in page, columns
        if "failures" in columns:
            assert "Attempts since then 7 Last outcome Not reached HTTP 502" in page
            assert "Failing since Sat, Nov 28 12:00" in page
        await bare.service.http.delete(f"{API}/{id_}")


def test_every_reason_has_words() -> None:
    tested = {"BY_PERSON", "UNREACHABLE", "GONE", "UNVERIFIED", "TARGET_FORBIDDEN", "EVENTS_GONE"}
    assert {str(reason) for reason in PauseReason} == tested
    assert FAILURE.keys() == set(Failure)


async def test_a_state_of_a_newer_release_is_shown_as_it_is(bare: Pages) -> None:
    id_ = await subscribed(bare)
    person = await bare.person(MANAGER)
    for columns in ({"state": "DREAMING"}, paused("TIRED")):
        await stand(bare, id_, **columns)
        assert (await person.get(f"{PATH}/{id_}")).status_code == 200
        assert (await person.get(PATH)).status_code == 200


@pytest.mark.usefixtures("in_2026")
async def test_the_list_says_who_is_behind_and_since_when_somebody_fails(bare: Pages) -> None:
    failing, other = await subscribed(bare, name="billing"), await subscribed(bare, name="crm")
    await stand(bare, failing, **ACTIVE, **FAILING)
    await hold(bare, other, "o1", "o2")
    person = await bare.person(MANAGER)

    page = text_of(await person.get(PATH))

    assert "Failing since Sat, Nov 28 12:00" in page
    assert "2 orders held" in page
    only = text_of(await person.get(f"{PATH}?state=ACTIVE"))
    assert "billing" in only
    assert "crm" not in only
    assert "No event subscription is in this state." in text_of(await person.get(f"{PATH}?state=PAUSED"))
    assert (await person.get(f"{PATH}?state=nonsense")).status_code == 200


@pytest.mark.usefixtures("in_2026")
async def test_every_held_order_is_told_with_its_event(bare: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    id_ = await subscribed(bare)
    await log(bare, "o2", 1)
    await hold(bare, id_, "o1", "o2", "o3")
    person, path = await bare.person(MANAGER), f"{PATH}/{id_}"

    page = text_of(await person.get(path))

    assert re.findall("Order (o.)", page) == ["o1", "o2", "o3"]
    assert "Refused event o1-0-abc Since Sat, Nov 28 12:00 Attempts 3 · HTTP 422 Next attempt Not by itself" in page
    assert "Refused event The engineer confirmed the visit o2-0-abc Since Sat, Nov 28 12:01" in page
    assert "waited longest" not in page
    asked = text_of(await person.get(f"{path}/held/o2/skip"))
    assert "The engineer confirmed the visit o2-0-abc" in asked
    monkeypatch.setattr(held, "PAGE", 2)
    assert re.findall("Order (o.)", text_of(await person.get(path))) == ["o1", "o2"]
    assert "Those that have waited longest are shown." in text_of(await person.get(path))
    for status in (404, 500, 503):  # 404: an API of the release before, which does not list them
        bare.line.answers[f"GET {API}/{id_}/held"] = Response(status, json={"type": "x", "detail": "x"})
        answer = await person.get(path)
        assert answer.status_code == 200
        assert "3 orders are held" in text_of(answer)
        assert "Which ones cannot be shown now." in text_of(answer)


async def test_an_empty_list_says_what_that_means(bare: Pages) -> None:
    page = text_of(await (await bare.person(MANAGER, "ko")).get(PATH))

    assert "아직 이벤트 구독이 없습니다." in page


async def test_a_long_list_has_pages(bare: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(center, "ROWS", 1)
    for name in ("billing", "crm"):
        await subscribed(bare, name=name)
    person = await bare.person(MANAGER)

    first = await person.get(PATH)
    following = first.text.partition(f'href="{PATH}?cursor=')[2].partition('"')[0]

    assert "crm" not in text_of(first)
    assert "crm" in text_of(await person.get(f"{PATH}?cursor={following}"))


async def test_what_is_sent_is_told_in_words(bare: Pages) -> None:
    id_ = await subscribed(bare, types=["orders.JoinCompleted", "afterService.*"], regions=["KR-11"], batch=50)

    page = text_of(await (await bare.person(MANAGER)).get(f"{PATH}/{id_}"))

    assert "The order was completed · All of “afterService”" in page
    assert "Seoul" in page
    assert "Requests at once 4 Events in a request 50" in page


async def test_an_api_of_the_release_before_sends_single_events(bare: Pages) -> None:
    made = await facts(bare, await subscribed(bare))
    of_release_before = {name: value for name, value in made.items() if name != "batch"}

    assert made["batch"] == 1
    assert values_of(of_release_before) == values_of(made)
    texts = Texts("en", UTC)
    assert terms_of(of_release_before, texts) == terms_of(made, texts)


async def test_attempts_are_listed_and_filtered(bare: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(center, "ROWS", 2)
    id_ = await subscribed(bare)
    now = (await facts(bare, id_))["createdAt"]
    at = NOON.fromisoformat(now)
    silent = Attempt("a", id_, "o1-0-abc", at, Outcome.UNREACHABLE, 15000, 2, 7, None, Failure.TIMED_OUT)
    refused = replace(silent, attempt_id="b", event_id="o2-0-abc", outcome=Outcome.REFUSED, status=422, failure=None)
    ping = replace(refused, attempt_id="c", event_id="ping-1", outcome=Outcome.DELIVERED, status=204, sequence=None)
    await attempt(bare, silent, refused, ping)
    person, path = await bare.person(MANAGER), f"{PATH}/{id_}/attempts"

    first = await person.get(path)
    only = text_of(await person.get(f"{path}?outcome=refused"))
    one = text_of(await person.get(f"{path}?eventId=o1-0-abc"))

    assert "Next page" in text_of(first)
    assert "Refused HTTP 422" in only
    assert "o1-0-abc" not in only
    assert "It did not answer in time." in one
    assert "15,000 ms" in one
    assert "Attempt 2" in one
    assert "No request meets these filters." in text_of(await person.get(f"{path}?eventId=nothing"))
    assert (await person.get(f"{path}?outcome=nonsense")).status_code == 200
    assert (await person.get(f"{path}?eventId={'x' * 201}")).status_code == 422
    assert (await person.get(f"{PATH}/unknown/attempts")).status_code == 404
    newest = text_of(await person.get(f"{PATH}/{id_}"))
    assert "Ping ping-1" in newest


async def test_the_pages_say_so_while_events_cannot_be_read(bare: Pages) -> None:
    id_ = await subscribed(bare)
    person = await bare.person(MANAGER)
    bare.line.cut.add(f"GET {API}")

    for path in (PATH, f"{PATH}/{id_}", f"{PATH}/{id_}/attempts", f"{PATH}/{id_}/secret", f"{PATH}/{id_}/resume"):
        assert (await person.get(path)).status_code == 503
