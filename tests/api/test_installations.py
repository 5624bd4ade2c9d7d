from datetime import date, timedelta

import pytest

from domain.common.times import UNSET
from domain.installation import CancelInstallation, RecordAnswer, RequestInstallation
from domain.orders import OrderStatus
from domain.visits import VisitGrid
from runtime.settings import Settings
from stores.installation.installations import InstallationStore
from tests.api.problems import assert_problem
from tests.api.service import NOWHERE, Service, but, serving, window
from tests.eventually import soon

UNKNOWN = "0" * 32
ACTS = ("accept", "decline", "start", "complete", "incomplete")
ABSENT = {"reason": "CUSTOMER_ABSENT"}


async def engineer_of(service: Service, order_id: str) -> str:
    return str((await service.http.get(f"/installations/{order_id}")).json()["engineerId"])


async def test_an_installation_is_shown_with_what_the_engineer_needs(service: Service) -> None:
    await service.work()
    order_id = await service.requested(
        customerName="김하나", contactPhone="010-1234-5678", note="2층", preferredVisit=window()
    )

    installation = (await service.http.get(f"/installations/{order_id}")).json()

    assert installation.pop("statusAt").endswith("Z")
    assert installation == {
        "orderId": order_id,
        "engineerId": "kr-11-1",
        "engineerName": "김민준 Kim Minjun",
        "installationAddress": "Seoul",
        "customerName": "김하나",
        "contactPhone": "010-1234-5678",
        "productName": "internet",
        "visit": {"start": window(), "end": window(11)},
        "status": "REQUESTED",
        "completedAt": None,
        "reason": None,
        "note": None,
        "serials": [],
        "customerNote": "2층",
        "region": "KR-11",
        "productId": "2001",
    }


async def test_the_assigned_engineer_accepts_and_completes_with_or_without_saying_who_they_are(
    service: Service,
) -> None:
    await service.work()
    order_id = await service.requested()
    engineer_id = await engineer_of(service, order_id)

    accepted = await service.act(order_id, "accept")
    completed = await service.act(order_id, "complete", engineerId=engineer_id)

    assert (accepted.status_code, accepted.json()["status"]) == (200, "ACCEPTED")
    assert (completed.status_code, completed.json()["status"]) == (200, "COMPLETED")
    assert completed.json()["completedAt"].endswith("Z")
    await service.closed(order_id)
    assert (await service.http.get(f"/orders/{order_id}")).json()["status"] == "JOIN_COMPLETED"


async def test_an_engineer_starts_and_completes_with_what_was_installed(service: Service) -> None:
    await service.work()
    order_id = await service.requested()
    await service.act(order_id, "accept")

    started = await service.act(order_id, "start")
    completed = await service.act(order_id, "complete", note="거실", serials=["ONT-1", "STB-2"])

    assert (started.status_code, started.json()["status"]) == (200, "STARTED")
    assert (completed.status_code, completed.json()["status"]) == (200, "COMPLETED")
    assert (completed.json()["note"], completed.json()["serials"]) == ("거실", ["ONT-1", "STB-2"])
    again = await service.act(order_id, "start")
    assert (again.status_code, again.json()) == (200, completed.json())


async def test_a_visit_that_came_to_nothing_is_told_with_its_reason_and_the_next_one_is_another(
    service: Service,
) -> None:
    engineer_id = await service.hire()
    await service.work()
    order_id = await service.requested(installationAddress="달 1", preferredVisit=window())
    await service.act(order_id, "accept")

    failed, again = [await service.act(order_id, "incomplete", note="벨", **ABSENT) for _ in range(2)]

    assert (failed.status_code, again.status_code) == (200, 200)
    assert failed.json() == again.json()
    shown = failed.json()
    assert (shown["status"], shown["reason"], shown["note"]) == ("INCOMPLETE", "CUSTOMER_ABSENT", "벨")
    await service.until(order_id, "AWAITING_RESCHEDULE")
    later = await service.http.post(f"/orders/{order_id}/reschedule", json={"preferredVisit": window(13)})
    assert later.status_code == 200, later.text
    await service.until(order_id, "INSTALLATION_REQUESTED")
    asked = (await service.http.get(f"/installations/{order_id}")).json()
    assert (asked["engineerId"], asked["status"], asked["visit"]["start"]) == (engineer_id, "REQUESTED", window(13))
    assert_problem(await service.act(order_id, "complete"), 409, "illegal-transition")


async def test_the_same_act_again_is_the_same_answer_before_and_after_the_order_has_closed(service: Service) -> None:
    await service.work()
    order_id = await service.requested()
    for act in ("accept", "complete"):
        first, again = await service.act(order_id, act), await service.act(order_id, act)
        assert (first.status_code, again.status_code) == (200, 200)
        assert again.json() == first.json()
    await service.closed(order_id)

    for act in ("accept", "complete"):
        assert (await service.act(order_id, act)).json()["status"] == "COMPLETED"
    assert_problem(await service.act(order_id, "decline"), 409, "illegal-transition")


async def test_who_declines_is_passed_over_and_the_next_is_asked(service: Service) -> None:
    await service.work()
    order_id = await service.requested()
    first = await engineer_of(service, order_id)

    async def another_is_asked() -> bool:
        return await engineer_of(service, order_id) != first

    declined = await service.act(order_id, "decline", engineerId=first, reason="휴가")

    assert (declined.status_code, declined.json()["status"]) == (200, "DECLINED")
    await soon(another_is_asked)
    again = await service.act(order_id, "decline", engineerId=first)
    assert (again.status_code, again.json()["status"]) == (200, "DECLINED")
    for act in ("accept", "start", "complete", "incomplete"):
        assert_problem(await service.act(order_id, act, engineerId=first, **ABSENT), 409, "illegal-transition")


async def test_another_engineer_is_refused(service: Service) -> None:
    await service.work()
    order_id = await service.requested()

    for act in ACTS:
        assert_problem(await service.act(order_id, act, engineerId="kr-26-1", **ABSENT), 403, "not-assigned")


async def test_what_the_state_does_not_allow_is_refused_and_changes_nothing(service: Service) -> None:
    await service.work()
    order_id = await service.requested()
    before = (await service.http.get(f"/orders/{order_id}")).json()

    for act in ("start", "complete", "incomplete"):
        assert_problem(await service.act(order_id, act, **ABSENT), 409, "illegal-transition")

    assert (await service.http.get(f"/orders/{order_id}")).json() == before
    await service.act(order_id, "accept")
    assert_problem(await service.act(order_id, "decline"), 409, "illegal-transition")


async def test_nothing_can_be_done_about_a_canceled_order(service: Service) -> None:
    await service.work()
    declined, accepted, failed = [await service.requested() for _ in range(3)]
    decliner = {"engineerId": await engineer_of(service, declined)}
    done = [
        await service.act(declined, "decline", **decliner),
        await service.act(accepted, "accept"),
        await service.act(failed, "accept"),
        await service.act(failed, "incomplete", **ABSENT),
        *[await service.http.post(f"/orders/{order_id}/cancel") for order_id in (declined, accepted, failed)],
    ]
    assert [answer.status_code for answer in done] == [200] * 7

    tried = [(declined, "decline", decliner), *((accepted, act, {}) for act in ACTS), (failed, "incomplete", {})]
    for order_id, act, by in tried:
        assert_problem(await service.act(order_id, act, **ABSENT | by), 409, "illegal-transition")
    for order_id in (declined, accepted, failed):
        await service.closed(order_id)
    for order_id, act, by in tried:
        refused = assert_problem(await service.act(order_id, act, **ABSENT | by), 409, "illegal-transition")
        assert refused["detail"] == "the order has been canceled"


async def test_who_acts_on_a_visit_that_another_engineer_has_is_told_so_also_after_the_order_has_ended(
    service: Service,
) -> None:
    await service.work()
    order_id = await service.requested()
    former = {"engineerId": await engineer_of(service, order_id)}
    await service.act(order_id, "accept")
    assigned = await service.http.put(f"/managementCenters/assignments/{order_id}", json={"engineerId": "kr-11-2"})
    assert assigned.status_code == 200, assigned.text
    await service.until_quiet(order_id)  # before the engineer is asked, the view shows the former's acceptance

    running = assert_problem(await service.act(order_id, "complete", **former), 409, "illegal-transition")
    for act in ("accept", "complete"):
        assert (await service.act(order_id, act)).status_code == 200
    await service.closed(order_id)
    ended = assert_problem(await service.act(order_id, "complete", **former), 409, "illegal-transition")

    moved = "the installation has been moved to another engineer or another time"
    assert (running["detail"], ended["detail"]) == (moved, moved)


async def test_an_order_canceled_before_anybody_was_asked_has_a_canceled_installation(service: Service) -> None:
    order_id = await service.order(note="2층")
    await service.http.post(f"/orders/{order_id}/cancel")
    await service.work()
    await service.until(order_id, "ORDER_CANCELED")

    installation = (await service.http.get(f"/installations/{order_id}")).json()

    assert (installation["status"], installation["engineerId"]) == ("CANCELED", None)
    assert (installation["customerNote"], installation["productId"]) == ("2층", "2001")
    assert_problem(await service.act(order_id, "accept"), 409, "illegal-transition")


async def test_who_declined_an_order_that_was_canceled_before_the_next_was_asked_is_told_so(service: Service) -> None:
    order_id = await service.forgotten(OrderStatus.ORDER_CANCELED)
    store = service.app.state.services.get(InstallationStore)
    await store.request(RequestInstallation(order_id, 1, "kr-11-1", "a", "b"), UNSET)
    await store.decline(RecordAnswer(order_id, 1, UNSET))
    await store.cancel(CancelInstallation(order_id), UNSET)

    assert_problem(await service.act(order_id, "decline"), 409, "illegal-transition")


async def test_an_order_without_an_installation_is_not_found(service: Service) -> None:
    for order_id in (UNKNOWN, await service.order()):
        assert_problem(await service.http.get(f"/installations/{order_id}"), 404, "not-found")
        for act in ACTS:
            assert_problem(await service.act(order_id, act, **ABSENT), 404, "not-found")


async def test_without_a_worker_the_engineer_is_told_to_try_again_and_that_is_safe(service: Service) -> None:
    await service.work()
    order_id = await service.requested()
    await service.rest("orders")

    assert_problem(await service.act(order_id, "accept"), 503, "no-answer-in-time")
    await service.work("orders")

    async def accepted() -> bool:
        again = await service.act(order_id, "accept")
        assert again.status_code in (200, 503)
        return bool(again.json()["status"] == "ACCEPTED")

    await soon(accepted)


async def test_while_temporal_cannot_be_reached_the_engineer_is_told_to_try_again(
    service: Service, settings: Settings, free_port: int
) -> None:
    await service.work()
    order_id = await service.requested()

    async with serving(but(settings, temporal_port=free_port)) as cut_off:
        assert_problem(await cut_off.act(order_id, "accept"), 503, "temporal-unavailable")


async def test_without_the_store_there_is_no_answer(settings: Settings) -> None:
    async with serving(but(settings, installation_database_url=NOWHERE)) as service:
        for answer in (
            await service.http.get("/installations"),
            await service.http.get(f"/installations/{UNKNOWN}"),
            await service.act(UNKNOWN, "accept"),
        ):
            assert_problem(answer, 503, "no-answer-in-time")


@pytest.mark.parametrize(
    ("act", "body", "pointer"),
    [
        ("decline", {"engineerId": 5}, "/engineerId"),
        ("decline", {"engineerId": "a b"}, "/engineerId"),
        ("decline", {"reason": "a" * 201}, "/reason"),
        ("incomplete", {}, "/reason"),
        ("incomplete", {"reason": "RAIN"}, "/reason"),
        ("complete", {"note": "a" * 201}, "/note"),
        ("complete", {"serials": ["a"] * 51}, "/serials"),
        ("complete", {"serials": ["a", "b" * 201]}, "/serials/1"),
    ],
)
async def test_what_an_engineer_says_is_checked(
    service: Service, act: str, body: dict[str, object], pointer: str
) -> None:
    answer = await service.act(UNKNOWN, act, **body)

    assert [error["pointer"] for error in assert_problem(answer, 422, "invalid-input")["errors"]] == [pointer]


async def test_a_work_list_is_of_one_engineer_and_one_status_in_pages(service: Service) -> None:
    store = service.app.state.services.get(InstallationStore)
    for number in range(5):
        await store.request(RequestInstallation(f"order-{number}", 1, f"engineer-{number % 2}", "이름", "Seoul"), UNSET)
    await store.accept(RecordAnswer("order-2", 1, UNSET))

    async def listed(**query: str | int) -> list[str]:
        answer = await service.http.get("/installations", params=query)
        assert answer.status_code == 200
        return [item["orderId"] for item in answer.json()["items"]]

    assert await listed() == [f"order-{number}" for number in range(5)]
    assert await listed(engineerId="engineer-0") == ["order-0", "order-2", "order-4"]
    assert await listed(engineerId="engineer-0", status="REQUESTED") == ["order-0", "order-4"]
    first = (await service.http.get("/installations", params={"limit": 3})).json()
    assert await listed(limit=3, cursor=first["nextCursor"]) == ["order-3", "order-4"]


async def test_an_engineers_day_is_in_the_order_of_its_windows(service: Service) -> None:
    store, grid = service.app.state.services.get(InstallationStore), VisitGrid()
    day = date(2030, 1, 2)
    first, second, *_ = grid.windows_of(day)
    (_, *_, late), (early, *_) = grid.windows_of(day - timedelta(days=1)), grid.windows_of(day + timedelta(days=1))
    for number, visit in enumerate((second, first, late, early)):
        await store.request(
            RequestInstallation(f"order-{number}", 1, "engineer-1", "이름", "Seoul", visit=visit), UNSET
        )
    await store.request(RequestInstallation("of-another", 1, "engineer-2", "이름", "Seoul", visit=first), UNSET)

    answer = await service.http.get("/installations?engineerId=engineer-1&date=2030-01-02")

    assert [item["orderId"] for item in answer.json()["items"]] == ["order-1", "order-0"]


async def test_days_are_listed_with_both_ends_and_in_the_order_of_their_windows(service: Service) -> None:
    store, grid = service.app.state.services.get(InstallationStore), VisitGrid()
    for number in (3, 1, 4, 2):
        first, *_, last = grid.windows_of(date(2030, 1, number))
        for name, visit, region in (("late", last, "KR-11"), ("early", first, "KR-26")):
            request = RequestInstallation(f"{name}-{number}", 1, "e1", "이름", "Seoul", visit=visit, region=region)
            await store.request(request, UNSET)
    await store.request(RequestInstallation("unplanned", 1, "e1", "이름", "Seoul", region="KR-11"), UNSET)

    async def listed(query: str) -> list[str]:
        answer = await service.http.get(f"/installations?{query}")
        assert answer.status_code == 200, answer.text
        return [item["orderId"] for item in answer.json()["items"]]

    assert await listed("from=2030-01-02&to=2030-01-03") == ["early-2", "late-2", "early-3", "late-3"]
    assert await listed("from=2030-01-02&to=2030-01-02") == await listed("date=2030-01-02") == ["early-2", "late-2"]
    assert await listed("from=2030-01-04&engineerId=e1") == ["early-4", "late-4"]
    assert await listed("to=2030-01-01&status=REQUESTED") == ["early-1", "late-1"]
    assert await listed("from=2030-01-03&region=KR-26&region=KR-99") == ["early-3", "early-4"]
    assert await listed("date=2030-01-03&region=KR-26&region=KR-11&limit=1") == ["early-3"]
    assert await listed("region=KR-11") == ["late-1", "late-2", "late-3", "late-4", "unplanned"]
    assert await listed("region=KR-99") == []


@pytest.mark.parametrize(
    "query",
    [
        "from=2030-01-02&to=2030-01-01",
        "date=2030-01-02&from=2030-01-02",
        "date=2030-01-02&to=2030-01-02",
        "from=2030-01-02T00:00:00Z",
        "to=20300102",
        "region=Seoul",
        "region=KR-11&region=",
        "date=20300102",
        "date=2030-02-30",
        "date=9999-12-31",
        "limit=0",
        "limit=201",
        "limit=x",
        "cursor=x",
        "status=OPEN",
        "engineerId=a%20b",
    ],
)
async def test_a_bad_query_parameter_is_malformed(service: Service, query: str) -> None:
    assert_problem(await service.http.get(f"/installations?{query}"), 400, "malformed-request")
