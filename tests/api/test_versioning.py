"""Two releases side by side on the real server: every order moves from one to the other."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.orders import workflow_id
from harness.waiting import PATIENCE
from ops.promote_build import Release
from runtime.settings import Settings
from runtime.temporal_client import connect
from tests.api import patience
from tests.api.service import Service, but, copy_databases, serving
from tests.processes import starts_processes
from tests.servers import dev_server

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
@starts_processes()
def own_server() -> Iterator[str]:
    """A server of its own, because the routing of task queues would affect other tests."""
    with dev_server() as address:
        yield address


@pytest.fixture
def of_build(own_server: str, migrated: Path, tmp_path: Path) -> Settings:
    copy_databases(migrated, tmp_path)
    port = int(own_server.rpartition(":")[2])
    return Settings(
        data_dir=tmp_path, temporal_address=None, temporal_port=port, worker_deployment_name="shop", worker_build_id="1"
    )


async def builds_of(service: Service, order_id: str) -> list[str]:
    """Return the builds that have run the order, in turn."""
    client = await connect(service.settings)
    history = await client.get_workflow_handle(workflow_id(order_id)).fetch_history()
    tasks = [event.workflow_task_completed_event_attributes for event in history.events]
    builds = [task.deployment_version.build_id for task in tasks if task.deployment_version.build_id]
    return list(dict.fromkeys(builds))


async def test_orders_in_flight_go_over_to_the_new_release(of_build: Settings) -> None:
    old, new = of_build, but(of_build, worker_build_id="2")
    client = await connect(of_build)
    async with serving(old) as service, serving(new) as beside:
        # Nothing is routed before the workers are there.
        released = asyncio.create_task(Release(client, old).take_over())
        early = await service.order()
        await service.work()
        await released
        await service.until(early, "INSTALLATION_REQUESTED")
        assert await builds_of(service, early) == ["1"]

        await beside.work()
        await Release(client, new).take_over(percent=100)
        ramped = await service.requested()
        assert await builds_of(service, ramped) == ["2"]

        await Release(client, new).take_over()
        await Release(client, new).take_over()
        await service.rest()
        patience.wait_long(patience.ALL)  # the workers of the new release run
        for order_id in (early, ramped):
            for act in ("accept", "complete"):
                assert (await service.act(order_id, act)).status_code == 200
            await service.until(order_id, "JOIN_COMPLETED")
            assert (await builds_of(service, order_id))[-1] == "2"
        assert await builds_of(service, early) == ["1", "2"]


def test_a_release_without_workers_is_put_off(of_build: Settings) -> None:
    environment = {
        "TEMPORAL_PORT": str(of_build.temporal_port),
        "WORKER_DEPLOYMENT_NAME": "nowhere",
        "WORKER_BUILD_ID": "1",
    }
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TEMPORAL_")}
    command = [sys.executable, "-m", "ops.promote_build", "--wait", "5"]
    done = subprocess.run(
        command, cwd=ROOT, env=inherited | environment, capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    assert done.returncode == os.EX_TEMPFAIL
    assert "not found" in done.stderr
