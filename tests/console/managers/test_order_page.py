"""A manager's page about one order, and what can be done to it: with the real workflow behind it."""

import re

import pytest
from httpx2 import ASGITransport, Response

from tests.api.service import Service, but, window
from tests.console.browser import MANAGER, Browser, Pages, form_of, opened, text_of
from tests.eventually import soon

CONTACT = {"customerName": "김민준", "contactPhone": "01012345678", "note": "벨이 고장났습니다"}


async def question(person: Browser, order_id: str, act: str) -> dict[str, str]:
    """Return the form of an act, as the person's browser would send it."""
    path = f"/orders/{order_id}/{act}"
    return form_of(await person.get(path), path)


async def assigned(pages: Pages, order_id: str, *, other_than: str) -> bool:
    """Return whether the order has another engineer."""
    engineer = (await pages.service.http.get(f"/orders/{order_id}")).json()["engineerId"]
    return engineer not in (None, other_than)


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("ko", ["김민준", "010-1234-5678", "벨이 고장났습니다", "그날 방문이 가장 적음(0건) · 서울", "1차 ·"]),
        ("en", ["김민준", "Fewest visits that day (0) · Seoul", "Round 1", "Engineer 김민준", "Customer 1"]),
    ],
)
async def test_the_page_tells_the_facts_and_why(pages: Pages, language: str, said: list[str]) -> None:
    await pages.service.work()
    order_id = await pages.service.requested(**CONTACT)

    page = text_of(await (await pages.person(MANAGER, language)).get(f"/orders/{order_id}"))

    for each in said:
        assert each in page


@pytest.mark.parametrize(("language", "name"), [("ko", "기가 인터넷"), ("en", "Giga Internet")])
async def test_the_product_is_named_in_the_language_of_the_page(pages: Pages, language: str, name: str) -> None:
    order_id = await pages.service.order()
    product = {"productId": "2001", "name": "Giga Internet", "localName": "기가 인터넷"}
    pages.line.answers["GET /managementCenters/products/"] = Response(200, json=product)

    page = await (await pages.person(MANAGER, language)).get(f"/orders/{order_id}")

    assert f"{name} (2001)" in text_of(page)


async def test_the_page_links_to_the_workflow_in_the_namespace_that_is_configured(service: Service) -> None:
    await service.work()
    order_id = await service.requested()
    namespace = "https://cloud.temporal.io/namespaces/orders.a1b2c"
    settings = but(service.settings, console_web_ui_url=namespace)
    async with opened(settings, ASGITransport(service.app), service) as pages:
        page = await (await pages.person(MANAGER)).get(f"/orders/{order_id}")

    assert f'href="{namespace}/workflows/order-{order_id}"' in page.text


async def test_an_engineer_is_assigned_by_hand_and_the_story_says_by_whom(pages: Pages) -> None:
    await pages.service.work()
    order_id = await pages.service.requested()
    before = (await pages.service.http.get(f"/orders/{order_id}")).json()["engineerId"]
    person = await pages.person(MANAGER)
    path = f"/orders/{order_id}/assign"
    asked = await person.get(path)
    chosen = next(
        one for one in re.findall(r'name="engineerId" value="([^"]+)" required>', asked.text) if one != before
    )

    done = await person.post(path, form_of(asked, path) | {"engineerId": chosen})

    page = await person.follow(done)
    assert "is assigned, and is being asked to come" in text_of(page)
    assert "Assigned by hand: Service manager manager" in text_of(page)
    assert (await pages.service.http.get(f"/orders/{order_id}")).json()["engineerId"] == chosen


async def test_who_cannot_be_assigned_is_shown_with_the_reason(pages: Pages) -> None:
    await pages.service.work()
    order_id = await pages.service.requested()
    engineer = (await pages.service.http.get(f"/orders/{order_id}")).json()["engineerId"]
    assert (await pages.service.act(order_id, "decline", reason="x")).is_success
    await soon(lambda: assigned(pages, order_id, other_than=engineer), what="another engineer")

    page = await (await pages.person(MANAGER, "ko")).get(f"/orders/{order_id}/assign")

    assert "현재 담당" in text_of(page)
    declined = page.text[page.text.index(f'value="{engineer}"') :]
    assert "이 신청을 거절했거나 응답하지 않음" in declined[: declined.index("</li>")]


async def test_a_visit_is_moved_and_one_that_has_gone_offers_the_nearest(pages: Pages) -> None:
    await pages.service.work()
    assert await pages.service.hire(visitsPerWindow=1)
    order_id = await pages.service.requested(installationAddress="Moon 1")
    taken = await pages.service.requested(installationAddress="Moon 2", preferredVisit=window(13))
    assert taken
    person = await pages.person(MANAGER)
    asked = await question(person, order_id, "reschedule")

    refused = await person.post(f"/orders/{order_id}/reschedule", asked | {"visit": window(13)})
    assert refused.status_code == 409
    assert "The nearest free times" in text_of(refused)
    nearest = re.findall(r'name="visit" value="([^"]+)"', refused.text)
    assert nearest
    assert window(13) not in nearest

    again = form_of(refused, f"/orders/{order_id}/reschedule") | {"visit": nearest[-1]}
    page = await person.follow(await person.post(f"/orders/{order_id}/reschedule", again))
    assert "The visit has been moved to" in text_of(page)
    assert (await pages.service.http.get(f"/orders/{order_id}")).json()["visit"]["start"] == nearest[-1]


async def test_an_order_that_has_changed_meanwhile_is_shown_with_what_happened(pages: Pages) -> None:
    await pages.service.work()
    order_id = await pages.service.requested()
    person = await pages.person(MANAGER, "ko")
    path = f"/orders/{order_id}/cancel"
    stale = await question(person, order_id, "cancel") | {"reason": "고객 변심"}
    assert (await pages.service.act(order_id, "accept")).is_success

    refused = await person.post(path, stale)

    assert refused.status_code == 409
    told = refused.text[refused.text.index('class="card changed"') :]
    assert "방문을 확정" in told[: told.index("</section>")]
    assert told.count('class="what"') == 1
    again = form_of(refused, path)
    assert again["reason"] == "고객 변심"
    page = await person.follow(await person.post(path, again))
    assert "신청과 설치를 함께 취소했습니다" in text_of(page)


async def test_a_cancel_that_comes_too_late_is_refused_with_the_reason(pages: Pages) -> None:
    await pages.service.work()
    order_id = await pages.service.completed()
    person = await pages.person(MANAGER)

    refused = await person.post(f"/orders/{order_id}/cancel", {"reason": ""})

    assert refused.status_code == 409
    assert "It is too late to cancel" in text_of(refused)
    page = await person.get(f"/orders/{order_id}")
    assert f'href="/orders/{order_id}/cancel"' not in page.text


async def test_without_a_worker_a_cancel_that_is_sent_again_is_recorded_and_the_page_is_as_last_known(
    pages: Pages,
) -> None:
    order_id = await pages.service.order()
    person, path = await pages.person(MANAGER), f"/orders/{order_id}/cancel"
    assert "This is what was last known" in text_of(await person.get(f"/orders/{order_id}"))

    silent = await person.post(path, await question(person, order_id, "cancel") | {"reason": "moved away"})

    assert silent.status_code == 503
    assert "If you send it again, the cancellation is recorded" in text_of(silent)
    again = form_of(silent, path)
    assert (again["version"], again["reason"]) == ("", "moved away")
    page = await person.follow(await person.post(path, again))
    assert "The cancellation is recorded" in text_of(page)


async def test_an_order_that_needs_a_person_is_taken_on(pages: Pages) -> None:
    await pages.service.work()
    order_id = await pages.service.order(installationAddress="중구 세종대로 1")
    await pages.service.until(order_id, "AWAITING_ENGINEER")
    person, path = await pages.person(MANAGER, "ko"), f"/orders/{order_id}/acknowledge"
    listed = await person.get("/attention")
    assert "여러 지역에 해당할 수 있는 주소입니다" in text_of(listed)

    page = await person.follow(await person.post(path, form_of(listed, path)))

    assert "이제 이 신청을 맡았습니다" in text_of(page)
    assert "가능한 지역: 서울, 부산" in text_of(page)
    assert "담당: 나" in text_of(page)
    assert f'action="{path}"' not in page.text
    choices = await person.get(f"/orders/{order_id}/assign")
    assert re.findall(r'<option value="(KR-\d+)"', choices.text)[:2] == ["KR-11", "KR-26"]
