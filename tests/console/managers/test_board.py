"""The board: every order by status and region, in both languages."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from httpx2 import ASGITransport

from console.managers import listing
from domain.orders import Attention, HistoryEntry, Order, OrderStatus
from domain.visits import TimeWindow
from runtime.settings import Settings
from stores.order_status.view import OrderStatusStore
from tests.api.service import NOWHERE, but, serving
from tests.console.browser import MANAGER, Pages, opened, text_of
from tests.eventually import soon

NOW = datetime(2026, 12, 1, tzinfo=UTC)
ORDER = Order(
    "0123456789abcdef",
    customer_id="7",
    customer_name="김민준",
    contact_phone="01012345678",
    product_name="기가 인터넷",
    installation_address="서울특별시 마포구 월드컵북로 396",
    order_date="2026-11-29",
    region="KR-11",
    status=OrderStatus.INSTALLATION_REQUESTED,
    engineer_id="kr-11-1",
    engineer_name="이서연",
    visit=TimeWindow(NOW, NOW + timedelta(hours=2)),
    version=3,
    history=[HistoryEntry("JoinOrdered", NOW, "customer:7")],
)

pytestmark = pytest.mark.usefixtures("in_2026")


async def store(pages: Pages, *orders: Order) -> None:
    await pages.service.app.state.services.get(OrderStatusStore).put(orders)


@pytest.mark.parametrize(
    ("language", "said"),
    [
        (
            "ko",
            [
                "현황판",
                "2026년 11월 29일",
                "기사 수락 대기",
                "김민준",
                "010-1234-5678",
                "서울",
                "12월 1일 (화)",
                "09:00–11:00",
                "이서연",
            ],
        ),
        ("en", ["Board", "Waiting for the engineer's answer", "김민준", "Seoul", "Tue, Dec 1", "09:00–11:00"]),
    ],
)
async def test_an_order_is_shown_in_the_language_of_the_person(bare: Pages, language: str, said: list[str]) -> None:
    await store(bare, ORDER)

    page = await (await bare.person(MANAGER, language)).get("/board")

    for each in said:
        assert each in text_of(page)
    assert '<a class="opens" href="/orders/0123456789abcdef">01234567</a>' in page.text
    assert 'href="tel:01012345678"' in page.text


async def test_each_number_leads_to_the_list_of_its_orders(bare: Pages) -> None:
    places = [("KR-11", OrderStatus.JOIN_ORDERED)] * 2 + [("KR-11", OrderStatus.JOIN_COMPLETED)]
    places += [("KR-26", OrderStatus.JOIN_ORDERED), ("KR-26", OrderStatus.AWAITING_RESCHEDULE)]
    await store(
        bare, *(replace(ORDER, order_id=f"o{at}", region=one, status=is_) for at, (one, is_) in enumerate(places))
    )
    person = await bare.person(MANAGER)

    # Those of the matrix, with the number alone, and the tiles, which have a name before it.
    links = re.findall(
        r'<a[^>]* href="(/board[^"]*)"[^>]*>(?:<span>[^<]*</span><strong>)?(\d+)<', (await person.get("/board")).text
    )

    assert len({path for path, _ in links}) > 10
    for path, number in links:
        listed = await person.get(path.replace("&amp;", "&"))
        assert listed.text.count('<tr id="order-') == int(number), path
        assert 'aria-current="true"' in listed.text


async def test_the_numbers_of_a_region_are_of_its_orders_alone(bare: Pages) -> None:
    waiting = Attention("NO_CAPACITY", NOW)
    await store(bare, ORDER, replace(ORDER, order_id="elsewhere", region="KR-26", attention=waiting))
    person = await bare.person(MANAGER)

    tiles = re.compile(r'<a class="count [^"]*" href="([^"]*)"[^>]*><span>[^<]*</span><strong>(\d+)<')
    everywhere, here = [dict(tiles.findall((await person.get(f"/board{of}")).text)) for of in ("", "?region=KR-11")]

    assert everywhere["/attention"] == "1"
    assert all("region=KR-11" in path for path in here)
    assert {number for path, number in here.items() if "INSTALLATION_REQUESTED" in path} == {"1"}


async def test_the_reasons_of_a_region_are_those_of_its_orders_alone(bare: Pages) -> None:
    needs = [("KR-11", "NO_CAPACITY"), ("KR-11", "VISIT_LOST"), ("KR-26", "VISIT_LOST"), (None, "NO_SERVICE_AREA")]
    await store(
        bare,
        *(
            replace(ORDER, order_id=f"o{at}", region=region, attention=Attention(reason, NOW))
            for at, (region, reason) in enumerate(needs)
        ),
    )
    person = await bare.person(MANAGER)
    tiles = re.compile(r'<a class="count [^"]*" href="([^"]*)"[^>]*>\s*<span>[^<]*</span><strong>(\d+)<')

    shown = await person.get("/attention?region=KR-11")
    counts = re.search(r'data-counts="([^"]*)"', shown.text)
    assert counts
    again = await person.get(counts[1].replace("&amp;", "&"))

    for page in (shown, again):
        numbers = {path.replace("&amp;", "&"): int(number) for path, number in tiles.findall(page.text)}
        assert sorted(numbers.values()) == [1, 1, 2]
        for path, number in numbers.items():
            assert "region=KR-11" in path
            listed = await person.get(path)
            assert listed.text.count('<tr id="order-') == number, path
            assert listed.text.count('aria-current="true"') == 1


async def test_orders_without_a_region_are_counted_too(bare: Pages) -> None:
    await store(bare, ORDER, *(replace(ORDER, order_id=f"o{at}", region=None) for at in range(2)))

    page = await (await bare.person(MANAGER)).get("/board")

    rows = re.findall(r'<th scope="row">([^<]+)</th>\s*<td class="number">(?:<a[^>]*>)?(\d+)', page.text)
    assert rows == [("Seoul", "1"), ("Not known yet", "2")]


async def test_a_filter_can_be_taken_away(bare: Pages) -> None:
    await store(bare, ORDER)
    person = await bare.person(MANAGER)

    page = await person.get("/board?status=INSTALLATION_REQUESTED&region=KR-11&attention=false&engineerId=kr-11-1")

    assert page.text.count('class="chip"') == 4
    assert 'aria-label="Remove the filter: Seoul"' in page.text
    assert "/board?status=INSTALLATION_REQUESTED&amp;attention=false&amp;engineerId=kr-11-1" in page.text


@pytest.mark.parametrize(
    ("path", "said"), [("/board", "아직 신청이 없습니다"), ("/board?region=KR-11", "조건에 맞는 신청이 없습니다")]
)
async def test_an_empty_list_says_so(bare: Pages, path: str, said: str) -> None:
    assert said in text_of(await (await bare.person(MANAGER, "ko")).get(path))


async def test_a_long_list_has_pages(bare: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "_ROWS", 2)
    await store(bare, *(replace(ORDER, order_id=f"o{at}") for at in range(5)))
    person, path, seen = await bare.person(MANAGER), "/board?region=KR-11", []

    while path:
        page = await person.get(path)
        seen.append(re.findall(r'<tr id="order-(\w+)"', page.text))
        [path] = re.findall(r'href="([^"]*)">Next page<', page.text) or [""]
        path = path.replace("&amp;", "&")

    assert [len(rows) for rows in seen] == [2, 2, 1]
    assert len({one for rows in seen for one in rows}) == 5


async def test_what_people_have_written_is_text(bare: Pages) -> None:
    await store(bare, replace(ORDER, customer_name="<b>x</b>", installation_address="<script>", product_name='"><i>'))

    page = await (await bare.person(MANAGER)).get("/board")

    assert "<b>x" not in page.text
    assert "<i>" not in page.text
    assert "&lt;script&gt;" in page.text


async def test_a_manager_of_a_region_sees_its_orders_alone(bare: Pages) -> None:
    await store(bare, ORDER, replace(ORDER, order_id="elsewhere", region="KR-26"))

    page = await (await bare.person("manager:KR-11")).get("/board")

    assert re.findall(r'<tr id="order-(\w+)"', page.text) == [ORDER.order_id]


async def test_values_of_a_newer_release_are_shown_as_they_are(bare: Pages) -> None:
    newer = "OF_A_NEWER_RELEASE"
    await store(bare, replace(ORDER, status=OrderStatus(newer), attention=Attention(newer, NOW), region="KR-99"))
    person = await bare.person(MANAGER)

    for path in ("/board", "/attention", f"/orders/{ORDER.order_id}"):
        assert newer in text_of(await person.get(path)), path


async def test_a_filter_that_the_api_does_not_know_is_a_page_that_says_so(bare: Pages) -> None:
    page = await (await bare.person(MANAGER)).get("/board?status=NOPE")

    assert page.status_code == 400
    assert "could not be understood" in text_of(page)


async def test_the_numbers_can_be_had_alone(bare: Pages) -> None:
    await store(bare, ORDER)
    person = await bare.person(MANAGER)

    part = await person.get("/board/counts?region=KR-11")

    assert part.text.lstrip().startswith("<div data-numbers>")
    assert "<html" not in part.text
    assert (
        re.findall(r'href="([^"]*)"', part.text)
        == re.findall(
            r'href="([^"]*)"', (await person.get("/board?region=KR-11")).text.partition("<div data-numbers>")[2]
        )[: part.text.count("href=")]
    )


async def test_without_the_read_model_the_page_says_what_still_works(without_temporal: Settings) -> None:
    async with (
        serving(but(without_temporal, order_status_database_url=NOWHERE)) as service,
        opened(without_temporal, ASGITransport(service.app), service) as pages,
    ):
        person = await pages.person(MANAGER, "ko")

        async def told() -> bool:
            page = await person.get("/board")
            assert page.status_code == 503
            assert page.headers["Retry-After"]
            return "신청 목록을 보여드릴 수 없습니다. 신청, 변경, 취소는 정상적으로 하실 수 있습니다" in text_of(page)

        # A page that is shown before it is known which part is down does not tell.
        await soon(told, what="the part that is down")


async def test_the_address_of_an_erased_order_is_said_not_to_be_kept(bare: Pages) -> None:
    await store(bare, replace(ORDER, installation_address="", attention=Attention("NO_CAPACITY", NOW)))
    person = await bare.person(MANAGER)

    for path in ("/board", "/attention", f"/orders/{ORDER.order_id}", f"/orders/{ORDER.order_id}/assign"):
        assert "not kept any more" in text_of(await person.get(path)), path
