"""Running orders outlive releases: the current code replays the histories of every path (rule 12)."""

import pytest
from temporalio import workflow
from temporalio.workflow import NondeterminismError

from tests.workflows.histories import FOLDER, file_of, read
from tests.workflows.record_histories import WAYS
from tests.workflows.stage import replay
from workflows.orders.assignment import AssignmentRounds
from workflows.orders.publication import Publication

RECORDED = sorted(file.stem for file in FOLDER.glob("*.json"))


@pytest.mark.parametrize("name", RECORDED)
async def test_a_recorded_order_is_carried_on_as_it_was(name: str) -> None:
    await replay(read(name))


def test_every_path_has_been_recorded() -> None:
    assert [name for name in WAYS if not file_of(name).exists()] == []


@pytest.mark.parametrize(
    "name",
    [
        "refused_again_after_the_areas_were_redrawn_by_0c8ab7f",
        "completed_again_after_a_reset_by_0c8ab7f",
        "an_idle_relay_by_a1480cb",
    ],
)
async def test_what_has_changed_since_a_release_is_behind_a_patch(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The history was recorded by the code of that release, as far as it came."""
    monkeypatch.setattr(workflow, "patched", lambda _: True)

    with pytest.raises(NondeterminismError):
        await replay(read(name))


@pytest.mark.parametrize(("owner", "step"), [(Publication, "publish"), (AssignmentRounds, "take_assignment")])
async def test_a_decision_that_differs_from_the_recorded_one_is_found(
    monkeypatch: pytest.MonkeyPatch, owner: type, step: str
) -> None:
    monkeypatch.setattr(owner, step, lambda *_: None)

    with pytest.raises(NondeterminismError):
        await replay(read("completed"))
