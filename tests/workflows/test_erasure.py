"""An erasure goes page by page, with the view last. It does nothing while an order is open."""

from uuid import uuid4

import pytest
from temporalio.client import Client

from domain.common import contexts
from domain.erasure import CustomersOrders, Erased, Erasure
from tests.workflows.erasing import STEPS, erasing
from tests.workflows.waiting import within
from workflows.order_status.erasure import ErasureWorkflow


@pytest.mark.parametrize(
    ("pages", "outcome"),
    [
        ([CustomersOrders(["o1", "o2"]), CustomersOrders(["o3"])], Erased(3)),
        ([CustomersOrders(["o1"]), CustomersOrders(["o2"], open=True)], Erased(2)),  # taken meanwhile
        ([CustomersOrders(["o1"], open=True)], Erased(refused=True)),
        ([], Erased()),
    ],
)
async def test_what_has_ended_is_erased_everywhere_and_in_the_view_last(
    client: Client, pages: list[CustomersOrders], outcome: Erased
) -> None:
    async with erasing(client, *pages) as asked:
        erased = await within(
            client.execute_workflow(ErasureWorkflow.run, Erasure("1"), id=uuid4().hex, task_queue=contexts.ORDER_STATUS)
        )

    assert erased == outcome
    done = [] if outcome.refused else pages
    assert asked == [(step.name, page.order_ids) for page in done for step in STEPS]
    assert STEPS[-1].name == "erase_view"
