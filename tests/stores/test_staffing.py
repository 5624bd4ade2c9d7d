import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from domain.common import contexts
from domain.common.errors import AlreadyExists, MalformedCursor, NotFound
from domain.management_center.assignments import ServiceArea
from domain.management_center.staff import Engineer
from stores.common.database import Database
from stores.management_center.assignments import ManagementCenterStore
from stores.management_center.calendar_entries import DAYS_OFF
from tests.stores.conftest import Connect


@pytest.fixture
def context() -> str:
    return contexts.MANAGEMENT_CENTER


@pytest.fixture
def store(database: Database) -> ManagementCenterStore:
    return ManagementCenterStore(database)


async def engineers(store: ManagementCenterStore, limit: int, **wanted: object) -> list[str]:
    found: list[str] = []
    cursor = None
    while True:
        page = await store.engineers(limit=limit, cursor=cursor, **wanted)  # type: ignore[arg-type] # by their names
        found += [engineer.engineer_id for engineer in page.items]
        cursor = page.next_cursor
        if cursor is None:
            return found


async def areas(store: ManagementCenterStore, limit: int) -> list[str]:
    found: list[str] = []
    cursor = None
    while True:
        page = await store.service_areas(limit=limit, cursor=cursor)
        found += [area.service_area_id for area in page.items]
        cursor = page.next_cursor
        if cursor is None:
            return found


async def test_to_begin_with_each_of_17_areas_has_three_active_engineers(store: ManagementCenterStore) -> None:
    seeded = await areas(store, 50)
    assert len(seeded) == 17
    assert await engineers(store, 200) == [f"{area}-{number}" for area in seeded for number in (1, 2, 3)]
    assert await store.service_area("kr-26") == ServiceArea(
        service_area_id="kr-26",
        region="KR-26",
        name="Busan",
        local_name="부산광역시",
        matches=["부산", "부산시", "부산광역시", "Busan", "Busan-si", "Busan City", "Busan-gwangyeoksi", "Pusan"],
    )
    assert await store.engineer("kr-26-2") == Engineer("kr-26-2", "정하은 Jung Haeun", "KR-26", active=True)


@pytest.mark.parametrize("limit", [1, 2, 3, 51, 200])
async def test_engineers_are_listed_each_once_whatever_the_page(store: ManagementCenterStore, limit: int) -> None:
    await store.change_engineer("kr-11-2", active=False)
    assert len(await engineers(store, limit)) == 51
    assert await engineers(store, limit, regions=["KR-11"]) == ["kr-11-1", "kr-11-2", "kr-11-3"]
    assert await engineers(store, limit, regions=["KR-11"], active=True) == ["kr-11-1", "kr-11-3"]
    assert await engineers(store, limit, active=False) == ["kr-11-2"]
    assert await engineers(store, limit, regions=["KR-99"]) == []


async def test_what_belongs_to_some_regions_is_found(store: ManagementCenterStore) -> None:
    day = date(2030, 1, 2)
    days = {"first_day": day, "last_day": day, "reason": None}
    for engineer_id, region in ((None, "KR-11"), ("kr-11-2", None), (None, "KR-26"), ("kr-26-2", None)):
        await store.create_entry(DAYS_OFF, engineer_id=engineer_id, region=region, **days)  # type: ignore[arg-type] # by name
    await store.retire_engineer("kr-26-1")

    off = (await store.entries(DAYS_OFF, within={"KR-11"})).items
    assert {(one.engineer_id, one.region) for one in off} == {(None, "KR-11"), ("kr-11-2", None)}
    assert (await store.entries(DAYS_OFF, within=set())).items == []


async def test_areas_are_listed_each_once_whatever_the_page(store: ManagementCenterStore) -> None:
    whole = await areas(store, 200)
    for limit in (1, 4, 16, 17):
        assert await areas(store, limit) == whole


async def test_an_engineer_is_created_read_and_changed(store: ManagementCenterStore) -> None:
    created = await store.create_engineer(name="홍길동 Hong Gildong", region="KR-11")
    assert created == Engineer(created.engineer_id, "홍길동 Hong Gildong", "KR-11", active=True)
    assert await store.engineer(created.engineer_id) == created
    changed = await store.change_engineer(created.engineer_id, active=False)
    assert changed == replace(created, active=False)
    changed = await store.change_engineer(created.engineer_id, name="Hong", region="KR-26")
    assert changed == Engineer(created.engineer_id, "Hong", "KR-26", active=False)
    assert await store.change_engineer(created.engineer_id) == changed
    assert await store.engineer(created.engineer_id) == changed


async def test_of_several_who_create_an_engineer_with_one_id_at_once_one_does(
    store: ManagementCenterStore, connect: Connect
) -> None:
    """Also if they name regions, which are locked each for itself."""
    stores = [store, ManagementCenterStore(connect())]

    async def create(number: int) -> Engineer | None:
        region = ["KR-11", "KR-26"][number // 2 % 2]
        by = stores[number % 2]
        try:
            return await by.create_engineer(
                name=f"N{number}", region=region, skills=["fiber"], engineer_id="one", fingerprint=str(number)
            )
        except AlreadyExists:
            return None

    created = await asyncio.gather(*(create(number) for number in range(8)))

    [engineer] = filter(None, created)
    assert await store.engineer("one") == engineer
    assert await store.fingerprint_of_engineer("one") == engineer.name.removeprefix("N")
    await store.change_engineer("one", name="other")
    assert await store.fingerprint_of_engineer("one") == engineer.name.removeprefix("N")
    assert await store.fingerprint_of_engineer("kr-11-1") is None
    await store.retire_engineer("one")
    assert await create(0) is None
    with pytest.raises(NotFound):
        await store.engineer("one")


async def test_of_several_who_create_an_area_or_an_entry_with_one_id_at_once_one_does(
    store: ManagementCenterStore, connect: Connect
) -> None:
    stores = [store, ManagementCenterStore(connect())]
    days: dict[str, Any] = {
        "engineer_id": None,
        "first_day": date(2026, 7, 13),
        "last_day": date(2026, 7, 13),
        "reason": None,
    }

    async def creates(creating: Awaitable[object]) -> bool:
        try:
            await creating
        except AlreadyExists:
            return False
        return True

    by, regions = [stores[number % 2] for number in range(8)], ["KR-11", "KR-26"] * 4
    area: dict[str, Any] = {"name": "Mars", "local_name": "화성", "matches": ["Mars"]}
    area |= {"service_area_id": "one", "fingerprint": "f"}
    areas = await asyncio.gather(*(creates(by[n].create_service_area(region=regions[n], **area)) for n in range(8)))
    entries = await asyncio.gather(
        *(creates(by[n].create_entry(DAYS_OFF, region=regions[n], entry_id="one", **days)) for n in range(8))
    )

    assert (sum(areas), sum(entries)) == (1, 1)
    assert await store.fingerprint_of_service_area("one") == "f"
    await store.retire_service_area("one")
    assert await store.fingerprint_of_service_area("one") == "f"


async def test_an_area_is_created_read_and_changed(store: ManagementCenterStore) -> None:
    created = await store.create_service_area(region="KR-11", name="Mars", local_name="화성", matches=["Mars", "화성"])
    assert created == ServiceArea(created.service_area_id, "KR-11", "Mars", "화성", ["Mars", "화성"])
    assert await store.service_area(created.service_area_id) == created
    changed = await store.change_service_area(created.service_area_id, matches=["Red planet 😀"])
    assert changed == replace(created, matches=["Red planet 😀"])
    changed = await store.change_service_area(created.service_area_id, region="KR-12", name="M", local_name="ㅎ")
    assert changed == ServiceArea(created.service_area_id, "KR-12", "M", "ㅎ", ["Red planet 😀"])
    assert await store.service_area(created.service_area_id) == changed


async def test_who_retires_is_gone(store: ManagementCenterStore) -> None:
    await store.retire_engineer("kr-11-2")
    await store.retire_service_area("kr-11")
    assert await engineers(store, 50, regions=["KR-11"]) == ["kr-11-1", "kr-11-3"]
    assert "kr-11" not in await areas(store, 50)
    await gone(store, engineer_id="kr-11-2", service_area_id="kr-11")


async def test_who_never_was_is_not_found(store: ManagementCenterStore) -> None:
    await gone(store, engineer_id="nobody", service_area_id="nowhere")


async def gone(store: ManagementCenterStore, *, engineer_id: str, service_area_id: str) -> None:
    for attempt in (
        store.engineer(engineer_id),
        store.change_engineer(engineer_id, name="x"),
        store.change_engineer(engineer_id),
        store.retire_engineer(engineer_id),
        store.service_area(service_area_id),
        store.change_service_area(service_area_id, name="x"),
        store.change_service_area(service_area_id),
        store.retire_service_area(service_area_id),
    ):
        with pytest.raises(NotFound):
            await attempt


async def test_a_cursor_of_another_list_is_refused(store: ManagementCenterStore) -> None:
    cursor = (await store.engineers(limit=1)).next_cursor
    assert cursor is not None
    with pytest.raises(MalformedCursor):
        await store.service_areas(cursor=cursor)
    with pytest.raises(MalformedCursor):
        await store.engineers(cursor=cursor + "x")


async def test_changes_at_the_same_time_are_all_kept(store: ManagementCenterStore) -> None:
    await asyncio.gather(
        store.change_engineer("kr-11-1", name="A"),
        store.change_engineer("kr-11-1", region="KR-26"),
        store.change_engineer("kr-11-1", active=False),
    )
    assert await store.engineer("kr-11-1") == Engineer("kr-11-1", "A", "KR-26", active=False)
