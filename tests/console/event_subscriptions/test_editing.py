"""An event subscription is added once, its secret is shown once, and nothing is overwritten unseen."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from httpx2 import Response

from tests.console.browser import MANAGER, Pages, form_of, text_of, wrong_fields
from tests.console.event_subscriptions import API, PATH, URL, every, facts, subscribed

NEW = f"{PATH}/new"
FORM = {
    "name": "billing",
    "url": URL,
    "atOnce": "4",
    "batch": "1",
    "perMinute": "",
    "start": "end",
    "time": "",
    "position": "",
    "key": "one",
}
LIMITED = "manager:KR-11"


def secret_in(page: Response) -> str:
    [_, after] = page.text.split('<textarea id="secret"')
    return after.partition(">")[2].partition("<")[0]


async def test_the_secret_is_shown_in_the_answer_and_gets_into_no_address_and_no_cookie(bare: Pages) -> None:
    person = await bare.person(MANAGER)

    page = await person.post(NEW, FORM)

    secret = secret_in(page)
    assert (page.status_code, page.headers["Cache-Control"]) == (201, "no-store")
    assert secret.startswith("whsec_")
    assert "set-cookie" not in page.headers
    [made] = await every(bare)
    shown = await person.get(f"{PATH}/{made['eventSubscriptionId']}")
    assert secret not in shown.text + (await person.get(PATH)).text
    wanted = {"name": "billing", "url": URL, "types": None, "regions": None, "perMinute": None}
    assert made | wanted | {"atOnce": 4, "batch": 1} == made


async def test_what_was_chosen_is_what_is_asked_for(bare: Pages) -> None:
    chosen = {
        "type-orders.JoinCompleted": "1",
        "type-orders.OrderCanceled": "1",
        "region-KR-26": "1",
        "perMinute": "600",
        "atOnce": "16",
        "batch": "100",
    }
    await (await bare.person(MANAGER)).post(NEW, FORM | chosen)

    [made] = await every(bare)
    assert made["types"] == ["orders.JoinCompleted", "orders.OrderCanceled"]
    assert (made["regions"], made["perMinute"], made["atOnce"], made["batch"]) == (["KR-26"], 600, 16, 100)


async def test_it_is_added_once_however_often_the_form_is_sent(bare: Pages) -> None:
    person = await bare.person(MANAGER)
    bare.line.unanswered.add(f"POST {API}")
    silent = await person.post(NEW, FORM)
    bare.line.unanswered.clear()

    again = form_of(silent, NEW)

    assert silent.status_code == 503
    assert again == FORM
    page = await person.follow(await person.post(NEW, again))
    assert "Please make a new secret" in text_of(page)
    assert len(await every(bare)) == 1
    other = await person.post(NEW, again | {"name": "crm"})
    assert other.status_code == 422
    assert "was added already" in text_of(other)
    assert form_of(other, NEW)["key"] != "one"


WRONG: Sequence[tuple[dict[str, str], set[str], str]] = [
    ({"name": "", "url": "", "atOnce": "", "batch": ""}, {"name", "url", "atOnce", "batch"}, "This is missing."),
    ({"atOnce": "17"}, {"atOnce"}, "from 1 to 16"),
    ({"atOnce": "², 3"}, {"atOnce"}, "from 1 to 16"),
    ({"batch": "0"}, {"batch"}, "from 1 to 100"),
    ({"batch": "101"}, {"batch"}, "from 1 to 100"),
    ({"perMinute": "0"}, {"perMinute"}, "from 1 to 60,000"),
    ({"url": "http://billing.example/"}, {"url"}, "has to begin with https://"),
    ({"url": "https://10.1.2.3/"}, {"url"}, "not public"),
    ({"url": "https://billing.example:5432/"}, {"url"}, "To this port"),
    ({"url": "https://kim:pw@billing.example/"}, {"url"}, "no user name"),
    ({"url": "https://"}, {"url"}, "This is no address."),
    ({"url": "https://billing.example/ü"}, {"url"}, "check this entry"),
    ({"name": "x" * 201}, {"name"}, "200"),
    ({"type-orders.Nothing": "1"}, {"types"}, "check this entry"),
    ({"start": ""}, {"start"}, "Please choose one."),
    ({"start": "here"}, {"start"}, "Please choose one."),
    ({"start": "time", "time": "yesterday"}, {"time"}, "day and a time"),
    ({"start": "position", "position": "-1"}, {"position"}, "the digits"),
    ({"start": "position", "position": "9" * 17}, {"position"}, "no such position yet"),
]


async def test_what_is_wrong_is_said_at_its_field_and_stays_entered(bare: Pages) -> None:
    person = await bare.person(MANAGER)
    for changes, wrong, said in WRONG:
        page = await person.post(NEW, FORM | changes)

        assert (page.status_code, wrong_fields(page)) == (422, wrong), changes
        assert said in text_of(page), changes
        kept = form_of(page, NEW)
        entered = changes.items() - {("start", changes.get("start", ""))}
        assert {(name, kept.get(name, "")) for name, _ in entered} == entered
    assert await every(bare) == []


async def test_a_time_is_of_the_zone_of_the_visits(bare: Pages) -> None:
    await (await bare.person(MANAGER)).post(NEW, FORM | {"start": "time", "time": "2026-11-28T12:00"})

    [sent] = [request for request in bare.line.carried if request.method == "POST" and request.url.path == API]
    assert b'"from":"2026-11-28T12:00:00+09:00"' in sent.read()
    assert datetime.fromisoformat("2026-11-28T12:00:00+09:00") == datetime(2026, 11, 28, 3, tzinfo=UTC)


async def test_that_events_are_gone_is_said_with_what_to_do(bare: Pages) -> None:
    page = await (await bare.person(MANAGER)).post(NEW, FORM | {"start": "position", "position": "1"})

    assert page.status_code == 409
    assert "Please begin with the oldest one." in text_of(page)
    assert form_of(page, NEW)["position"] == "1"


async def test_a_change_sends_only_what_is_different(bare: Pages) -> None:
    id_ = await subscribed(bare, types=["orders.JoinCompleted", "afterService.*"])
    path = f"{PATH}/{id_}/change"
    person = await bare.person(MANAGER)
    form = form_of(await person.get(path), path)
    assert form["type-afterService.*"] == "1"

    unchanged = await person.follow(await person.post(path, form))
    changed = await person.follow(await person.post(path, form | {"batch": "50", "type-orders.JoinOrdered": "1"}))

    assert "nothing was changed" in text_of(unchanged)
    assert "Saved." in text_of(changed)
    [sent] = [request for request in bare.line.carried if request.method == "PATCH"]
    assert {*json.loads(sent.read())} == {"batch", "types"}
    now = await facts(bare, id_)
    assert (now["batch"], now["types"]) == (50, ["afterService.*", "orders.JoinCompleted", "orders.JoinOrdered"])


async def test_what_somebody_else_has_changed_is_not_overwritten_unseen(bare: Pages) -> None:
    id_ = await subscribed(bare)
    path = f"{PATH}/{id_}/change"
    person = await bare.person(MANAGER)
    mine = form_of(await person.get(path), path) | {"name": "mine"}
    await bare.service.http.patch(f"{API}/{id_}", json={"url": "https://theirs.example/"})

    refused = await person.post(path, mine)

    assert refused.status_code == 409
    assert "https://theirs.example/" in text_of(refused)
    assert (await facts(bare, id_))["name"] == "billing"
    await person.follow(await person.post(path, form_of(refused, path)))
    assert (await facts(bare, id_))["name"] == "mine"


async def test_a_new_address_is_said_to_have_to_agree(bare: Pages) -> None:
    id_ = await subscribed(bare)
    path = f"{PATH}/{id_}/change"
    person = await bare.person(MANAGER)

    form = form_of(await person.get(path), path) | {"url": "https://new.example/"}

    assert "has to answer a ping first" in text_of(await person.follow(await person.post(path, form)))


async def test_a_change_that_got_no_answer_is_kept(bare: Pages) -> None:
    id_ = await subscribed(bare)
    path = f"{PATH}/{id_}/change"
    person = await bare.person(MANAGER)
    form: dict[str, Any] = form_of(await person.get(path), path) | {"name": "mine", "region-KR-11": "1"}
    bare.line.cut.add("GET")

    silent = await person.post(path, form)

    assert silent.status_code == 503
    assert form_of(silent, path) == form


async def test_a_manager_of_some_regions_is_offered_these_alone(bare: Pages) -> None:
    everywhere = await subscribed(bare, name="everything")
    person = await bare.person(LIMITED)

    asked = await person.get(NEW)
    assert {name for name in asked.text.split('"') if name.startswith("region-")} == {"region-KR-11"}
    assert "all of your regions" in text_of(asked)
    await person.post(NEW, FORM)

    listed = text_of(await person.get(PATH))
    assert "billing" in listed
    assert "everything" not in listed
    assert [one["regions"] for one in await every(bare) if one["name"] == "billing"] == [["KR-11"]]
    assert (await person.get(f"{PATH}/{everywhere}")).status_code == 404
    assert (await person.post(f"{PATH}/{everywhere}/delete")).status_code == 303
    assert (await facts(bare, everywhere))["name"] == "everything"
    assert (await person.post(NEW, FORM | {"region-KR-27": "1", "key": "two"})).status_code == 403
