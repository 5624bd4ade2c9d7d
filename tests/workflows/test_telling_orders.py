"""How the management center makes an order decide again, and what it does if the order no longer exists."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from unittest.mock import AsyncMock, Mock

import pytest
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import ActivityEnvironment

from activities import management_center
from activities.management_center import DispatchActivities
from domain.management_center.assignments import CloseAssignment
from domain.management_center.dispatch import Due
from domain.orders import OrderStatus
from tests.workflows import places
from tests.workflows.placed import Placed
from tests.workflows.stage import Stage
from tests.workflows.waiting import together, within


@dataclass
class Closing:
    """The part of a management center's store that closes orders which no longer exist, and postpones others."""

    closed: list[str] = field(default_factory=list)
    postponed: list[str] = field(default_factory=list)

    async def close_assignment(self, asked: CloseAssignment) -> None:
        self.closed.append(asked.order_id)

    async def postpone(self, due: Due) -> None:
        self.postponed.append(due.order_id)


async def told(stage: Stage, store: Closing, order_id: str, round_: int) -> bool:
    """Notify an order by the real activity. Returns whether it has decided."""
    activities = DispatchActivities(store, stage.client)  # type: ignore[arg-type]
    telling: asyncio.Future[bool] = asyncio.ensure_future(
        ActivityEnvironment().run(activities.tell_order, Due(order_id, round_))
    )
    return await within(telling)


async def test_an_order_is_told_and_has_decided_when_that_is_answered(stage: Stage) -> None:
    store = Closing()

    async def due(order: Placed) -> None:
        await places.accepted(order)
        assert await told(stage, store, order.order_id, 1)
        assert stage.contexts.rounds[order.order_id] == 2

    async def moved_on(order: Placed) -> None:
        await places.requested_of_the_next(order)
        assert await told(stage, store, order.order_id, 1)
        assert stage.contexts.rounds[order.order_id] == 2

    async def refused(order: Placed) -> None:
        await places.started(order)
        assert await told(stage, store, order.order_id, 1)
        assert (await order.order()).status is OrderStatus.INSTALLATION_ACCEPTED

    async def ended(order: Placed) -> None:
        await order.cancel()
        await order.result()
        assert await told(stage, store, order.order_id, 1)

    async def terminated(order: Placed) -> None:
        await places.accepted(order)
        await order.give_up()
        assert await told(stage, store, order.order_id, 1)

    cases = {case: await stage.place() for case in (due, moved_on, refused, ended, terminated)}
    await together({case.__name__: case(order) for case, order in cases.items()})
    assert sorted(store.closed) == sorted(cases[case].order_id for case in (ended, terminated))
    assert store.postponed == [cases[refused].order_id]
    assert await told(stage, store, "never-placed", 1)
    assert store.closed[-1] == "never-placed"


async def test_an_order_that_no_worker_carries_has_not_decided(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(management_center, "_ANSWER_WITHIN", timedelta(seconds=0.3))
    order, store = await stage.place(), Closing()
    await places.requested(order)
    await order.until_quiet()
    await stage.stop_orders()

    assert not await told(stage, store, order.order_id, 1)

    assert (store.closed, store.postponed) == ([], [order.order_id])
    await stage.start_orders()


async def test_an_order_is_postponed_as_well_if_the_server_does_not_answer() -> None:
    client, store = Mock(), Closing()
    client.get_workflow_handle.return_value.execute_update = AsyncMock(
        side_effect=RPCError("down", RPCStatusCode.UNAVAILABLE, b"")
    )
    activities = DispatchActivities(store, client)  # type: ignore[arg-type]

    with pytest.raises(RPCError):
        await ActivityEnvironment().run(activities.tell_order, Due("o1", 1))

    assert (store.closed, store.postponed) == ([], ["o1"])
