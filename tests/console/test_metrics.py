"""What the console counts."""

from tests.console.browser import CUSTOMER, Pages


async def test_a_page_is_counted_by_its_route_and_not_by_its_path(bare: Pages) -> None:
    person = await bare.person(CUSTOMER)
    await person.get("/orders/of-somebody-else")
    await person.get("/no-such-page")

    samples = [sample for metric in bare.app.state.health.registry.collect() for sample in metric.samples]
    counted = [sample.labels["route"] for sample in samples if sample.name == "console_request_seconds_count"]
    assert sorted(counted) == ["/login", "/orders/{orderId}", "none"]
