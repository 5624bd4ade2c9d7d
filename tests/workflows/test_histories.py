"""Running orders outlive releases: the code of today goes along with the histories of every path (rule 12)."""

import pytest
from temporalio.workflow import NondeterminismError

from tests.workflows.histories import FOLDER, file_of, read
from tests.workflows.record_histories import WAYS
from tests.workflows.stage import replay
from workflows.orders.saga import Saga
from workflows.orders.subscription import SubscriptionWorkflow

RECORDED = sorted(file.stem for file in FOLDER.glob("*.json"))


@pytest.mark.parametrize("name", RECORDED)
async def test_a_recorded_order_is_carried_on_as_it_was(name: str) -> None:
    await replay(read(name))


def test_every_path_has_been_recorded() -> None:
    assert [name for name in WAYS if not file_of(name).exists()] == []


@pytest.mark.parametrize(("owner", "step"), [(Saga, "show"), (SubscriptionWorkflow, "take_assignment")])
async def test_a_decision_that_differs_from_the_recorded_one_is_found(
    monkeypatch: pytest.MonkeyPatch, owner: type, step: str
) -> None:
    monkeypatch.setattr(owner, step, lambda *_: None)

    with pytest.raises(NondeterminismError):
        await replay(read("completed"))
