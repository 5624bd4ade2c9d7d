"""What a manager does with an event subscription: answers are definite, and what cannot be undone is asked first."""

from collections.abc import Sequence
from typing import Any

from httpx2 import Response

from tests.console.browser import MANAGER, Pages, form_of, forms_of, text_of, wrong_fields
from tests.console.event_subscriptions import API, NOON, PATH, every, facts, hold, log, stand, subscribed
from tests.console.event_subscriptions.test_editing import secret_in

ACTIVE = {"state": "ACTIVE", "agreed_at": NOON}
PAUSED = {"state": "PAUSED", "pause_reason": "BY_PERSON", "paused_at": NOON, "agreed_at": NOON}
UNTIL_AGREED = "No event is sent before the consumer has answered a ping."
UNTIL_RESUMED = "No event is sent before the subscription is resumed."


async def test_it_is_paused_and_resumed_where_the_consumer_was(bare: Pages) -> None:
    id_ = await subscribed(bare)
    await stand(bare, id_, **ACTIVE)
    person, path = await bare.person(MANAGER), f"{PATH}/{id_}"

    assert "Paused by a person" in text_of(await person.follow(await person.post(f"{path}/pause")))
    asked = form_of(await person.get(f"{path}/resume"), f"{path}/resume")
    assert asked["start"] == "here"
    resumed = await person.follow(await person.post(f"{path}/resume", asked))

    assert "Resumed." in text_of(resumed)
    assert "No event is sent before" not in text_of(resumed)
    assert (await facts(bare, id_))["state"] == "ACTIVE"
    again = await person.post(f"{path}/resume", asked)
    assert again.status_code == 303, "what is resumed is resumed"
    elsewhere = await person.post(f"{path}/resume", {"start": "end"})
    assert elsewhere.status_code == 409
    assert "is not paused any more" in text_of(elsewhere)


async def test_where_events_are_gone_one_has_to_choose_where_to_go_on(bare: Pages) -> None:
    id_ = await subscribed(bare)
    await stand(bare, id_, state="PAUSED", pause_reason="EVENTS_GONE", paused_at=NOON, delivered=0, agreed_at=NOON)
    person, path = await bare.person(MANAGER), f"{PATH}/{id_}/resume"

    asked = await person.get(path)

    assert 'value="here"' not in asked.text
    assert form_of(asked, path)["start"] == "beginning"
    refused = await person.post(path, {"start": "here"})
    assert refused.status_code == 409
    assert "Please begin with the oldest one." in text_of(refused)
    await person.follow(await person.post(path, form_of(asked, path)))
    assert (await facts(bare, id_))["state"] == "ACTIVE"


async def test_who_resumes_before_the_consumer_has_agreed_is_told_that_nothing_is_sent(bare: Pages) -> None:
    id_ = await subscribed(bare)
    await stand(bare, id_, **PAUSED | {"agreed_at": None})
    person, path = await bare.person(MANAGER), f"{PATH}/{id_}"

    page = text_of(await person.follow(await person.post(f"{path}/resume", {"start": "here"})))

    assert f"Resumed. {UNTIL_AGREED}" in page


async def test_that_events_are_sent_is_said_only_where_they_are(bare: Pages) -> None:
    person = await bare.person(MANAGER)
    for columns, said in (({}, UNTIL_AGREED), (PAUSED, UNTIL_RESUMED), (ACTIVE, None)):
        id_ = await subscribed(bare, **{"from": "beginning"})
        await stand(bare, id_, **{"state": "PENDING"} | columns)
        await hold(bare, id_, "o1")
        path = f"{PATH}/{id_}"
        start = {"start": "position", "position": (await facts(bare, id_))["delivered"]}
        for act, fields in (("held/o1/retry", {}), ("held/o1/skip", {"event": "o1-0-abc"}), ("replay", start)):
            page = text_of(await person.follow(await person.post(f"{path}/{act}", fields)))

            assert "event" in page
            assert ("No event is sent before" in page) is (said is not None), (act, said)
            assert said is None or said in page, act


async def test_where_events_are_gone_nobody_is_offered_to_send_them_again(bare: Pages) -> None:
    id_ = await subscribed(bare)
    person, path = await bare.person(MANAGER), f"{PATH}/{id_}"
    assert f'href="{path}/replay"' in (await person.get(path)).text
    await stand(bare, id_, state="PAUSED", pause_reason="EVENTS_GONE", paused_at=NOON, delivered=0, agreed_at=NOON)

    page = await person.get(path)

    assert f'href="{path}/replay"' not in page.text
    assert f'href="{path}/resume"' in page.text
    for answer in (person.get(f"{path}/replay"), person.post(f"{path}/replay", {"start": "beginning"})):
        assert "none of them can be sent again" in text_of(await person.follow(await answer))


async def test_events_are_sent_again_from_a_position_and_never_left_out(bare: Pages) -> None:
    id_ = await subscribed(bare, **{"from": "beginning"})
    before = (await facts(bare, id_))["delivered"]
    person, path = await bare.person(MANAGER), f"{PATH}/{id_}/replay"

    page = await person.follow(await person.post(path, {"start": "position", "position": before}))
    assert f"The events after this position will be sent again. {UNTIL_AGREED}" in text_of(page)
    assert (await facts(bare, id_))["delivered"] == before
    wrong = await person.post(path, {"start": "position", "position": ""})
    assert (wrong.status_code, wrong_fields(wrong)) == (422, {"position"})
    assert (await person.post(path, {"start": "end"})).status_code == 422, "nobody goes forward"
    await stand(bare, id_, delivered=int(before) - 1)
    refused = await person.post(path, {"start": "position", "position": before})
    assert refused.status_code == 409
    assert "One can only go back." in text_of(refused)


async def test_a_secret_is_replaced_and_shown_once(bare: Pages) -> None:
    id_ = await subscribed(bare)
    person, path = await bare.person(MANAGER), f"{PATH}/{id_}/secret"
    assert form_of(await person.get(path), path) == {"previous": "86400"}
    for previous, said, count in (("86400", "The one before counts until", 2), ("0", "No earlier one", 1)):
        made = await person.post(path, {"previous": previous})

        secret = secret_in(made)
        assert secret.startswith("whsec_")
        assert said in text_of(made)
        assert "set-cookie" not in made.headers
        assert secret not in (await person.get(f"{PATH}/{id_}")).text
        assert len((await facts(bare, id_))["secrets"]) == count


async def test_a_third_secret_is_refused_with_what_to_do(bare: Pages) -> None:
    id_ = await subscribed(bare)
    person, path = await bare.person(MANAGER), f"{PATH}/{id_}/secret"
    await person.post(path, {"previous": "86400"})

    third = await person.post(path, {"previous": "3600"})

    assert third.status_code == 409
    assert "choose that no earlier one counts" in text_of(third)
    assert form_of(third, path) == {"previous": "3600"}
    unknown = await person.post(path, {"previous": "7"})
    assert (unknown.status_code, wrong_fields(unknown)) == (422, {"previous"})


async def test_that_a_secret_may_have_been_made_unseen_is_said(bare: Pages) -> None:
    id_ = await subscribed(bare)
    person, path = await bare.person(MANAGER), f"{PATH}/{id_}/secret"
    bare.line.unanswered.add(f"POST {API}/{id_}/secrets")

    silent = await person.post(path, {"previous": "86400"})

    assert silent.status_code == 503
    assert "A new secret may have been made" in text_of(silent)
    assert text_of(silent).count("Made ") == 2
    bare.line.cut.add(f"GET {API}/{id_}")
    blind = text_of(await person.post(path, {"previous": "86400"}))
    assert "A new secret may have been made" in blind
    assert "count now" not in blind, "none is shown"


async def test_a_page_asks_before_it_is_deleted(bare: Pages) -> None:
    id_ = await subscribed(bare)
    person, path = await bare.person(MANAGER), f"{PATH}/{id_}/delete"

    assert "cannot be undone" in text_of(await person.get(path))
    assert len(await every(bare)) == 1
    bare.line.cut.add(f"DELETE {API}")
    assert (await person.post(path)).status_code == 503
    bare.line.cut.clear()
    assert "is deleted" in text_of(await person.follow(await person.post(path)))
    assert await every(bare) == []
    assert "had been deleted already" in text_of(await person.follow(await person.post(path)))


SILENT: dict[str, Any] = dict.fromkeys(("outcome", "status", "failure", "milliseconds"))
PINGED: Sequence[tuple[dict[str, Any], str]] = [
    ({"outcome": "delivered", "status": 204, "milliseconds": 31}, "answered: 204, in 31 ms"),
    ({"outcome": "unreachable", "failure": "tlsFailed", "milliseconds": 9}, "Not reached. Its certificate was not"),
    ({"outcome": "refused", "status": 400, "milliseconds": 9}, "did not succeed: Refused. 400"),
    ({}, "has not answered yet"),
]


async def test_the_answer_to_a_ping_is_told(bare: Pages) -> None:
    id_ = await subscribed(bare)
    person = await bare.person(MANAGER)
    for answer, said in PINGED:
        bare.line.answers[f"POST {API}/{id_}/ping"] = Response(200, json=SILENT | answer)

        assert said in text_of(await person.follow(await person.post(f"{PATH}/{id_}/ping")))


async def test_without_temporal_a_ping_is_not_called_sent(bare: Pages) -> None:
    id_ = await subscribed(bare)
    person = await bare.person(MANAGER)

    page = text_of(await person.follow(await person.post(f"{PATH}/{id_}/ping")))

    assert "Please try again" in page
    assert (await person.post(f"{PATH}/unknown/ping")).status_code == 404


async def test_a_held_order_is_tried_again_or_its_event_is_given_up(bare: Pages) -> None:
    id_ = await subscribed(bare)
    await stand(bare, id_, **ACTIVE)
    await hold(bare, id_, "o1", "o2")
    person, path = await bare.person(MANAGER), f"{PATH}/{id_}"

    page = text_of(await person.get(path))
    assert "2 orders are held" in page
    assert "1 of them is not tried by itself any more." in page
    actions = [action for action, _ in forms_of(await person.get(path)) if "/held/" in action]
    assert actions == [f"{path}/held/{order_id}/retry" for order_id in ("o1", "o2")]
    assert "The event will be sent again." in text_of(await person.follow(await person.post(f"{path}/held/o1/retry")))
    asked = await person.get(f"{path}/held/o1/skip")
    assert "never gets this event" in text_of(asked)
    assert (await facts(bare, id_))["held"]["orders"] == 2
    form = form_of(asked, f"{path}/held/o1/skip")
    given_up = await person.follow(await person.post(f"{path}/held/o1/skip", form))
    assert "The event is given up." in text_of(given_up)
    assert (await facts(bare, id_))["held"]["oldest"]["orderId"] == "o2"
    again = await person.follow(await person.post(f"{path}/held/o1/skip", form))
    assert "is not held any more" in text_of(again)
    assert "is not held any more" in text_of(await person.follow(await person.post(f"{path}/held/o1/retry")))
    assert "is not held any more" in text_of(await person.get(f"{path}/held/o1/skip"))


async def test_a_form_that_is_sent_twice_gives_up_one_event(bare: Pages) -> None:
    id_ = await subscribed(bare)
    await log(bare, "o1", 11, 12)
    await stand(bare, id_, **ACTIVE, delivered=12)
    await hold(bare, id_, "o2", "o1", sequence=10)
    person, path = await bare.person(MANAGER), f"{PATH}/{id_}/held/o1/skip"
    # Another order is held longer, so this one is not the first that the subscription names.
    form = form_of(await person.get(path), path)

    first = text_of(await person.follow(await person.post(path, form)))
    second = text_of(await person.follow(await person.post(path, form)))

    assert "The event is given up." in first
    assert "Another event holds the order now. Nothing was given up." in second
    held = (await bare.service.http.get(f"{API}/{id_}/held")).json()["items"]
    assert [(one["orderId"], one["eventId"]) for one in held] == [("o2", "o2-0-abc"), ("o1", "event-12")]
