"""Effect of further worker processes if everything shares one machine."""

from bench import read_model
from bench.completing import IN_MOTION
from bench.load import Load, RequestFeed
from bench.orders import ByClient
from bench.report import Measurement
from harness import stack

_WORKERS = (1, 2, 4)


async def measure(*, quick: bool) -> Measurement:
    """Measure completed orders per second with several numbers of worker processes."""
    found = Measurement(f"Worker processes, {IN_MOTION} orders in motion")
    async with (
        stack.running("temporal", "migration", "worker") as running,
        read_model.opened(running.settings) as store,
    ):
        way, feed = ByClient(running.client), RequestFeed(read_model.Requests(store).look)
        for count in _WORKERS:
            for number in range(len(running.pids("worker")) + 1, count + 1):
                await running.add_worker(f"worker-{number}")
            load = Load(running.client, way, feed, IN_MOTION)
            window = await load.window(running, ("temporal", "worker"), waves=1 if quick else 4)
            found.rows.append({"worker processes": count, "orders/s": window.rate, **window.per_order(window.cpu)})
    return found
