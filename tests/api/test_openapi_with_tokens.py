"""Every operation of the OpenAPI document, sent by every actor with random input about own and others' resources."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck
from hypothesis import settings as effort

from api.app import create_app
from runtime.settings import Settings
from tests.api.actors import OURS, THEIRS, Actor
from tests.api.deeds import DEEDS
from tests.api.fuzzed import World, world
from tests.api.issuer import Issuer
from tests.api.service import copy_databases
from tests.eventually import PATIENCE
from tests.processes import starts_processes
from tests.servers import dev_server
from tests.whole import examples

ADMITTED, REFUSED = examples(2, whole=6), examples(1, whole=3)
"""Examples for each operation. Each is sent by every actor, allowed or not."""
CHANGED = frozenset({"engineerId", "dayOffId", "extraShiftId", "productId", "eventSubscriptionId"})
"""Resources that requests change or remove, and that other tests need."""
schema = schemathesis.openapi.from_dict(
    create_app(Settings(auth_issuer="https://issuer.example", auth_audience="orders")).openapi()
)
# Each example is sent many times: without those that are made up systematically, which need no token to be tried.
schema.config.phases.coverage.enabled = False
schema.config.request_timeout = PATIENCE


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Issuer:
    return Issuer(tmp_path_factory.mktemp("issuer") / "keys.json")


def _settings(migrated: Path, temporal_address: str, data_dir: Path) -> Settings:
    copy_databases(migrated, data_dir)
    port = int(temporal_address.rpartition(":")[2])
    return Settings(data_dir=data_dir, temporal_address=None, temporal_port=port, order_retry_at_most_every=0.05)


@pytest.fixture(scope="module")
@starts_processes()
def still(migrated: Path, issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A service without workers, on which nothing may change: with its own Temporal server, as `busy` has workers."""
    with dev_server() as address:
        settings = _settings(migrated, address, tmp_path_factory.mktemp("still"))
        with world(settings, issuer, worked=False) as found:
            yield found


@pytest.fixture(scope="module")
def busy(
    migrated: Path, temporal_address: str, issuer: Issuer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """A service with workers. Others' resources may not change, because requests only act on own ones."""
    settings = _settings(migrated, temporal_address, tmp_path_factory.mktemp("busy"))
    with world(settings, issuer, worked=True) as found:
        yield found


@pytest.mark.multiplied
@schema.parametrize()
@effort(max_examples=REFUSED, suppress_health_check=list(HealthCheck))
def test_who_may_not_is_refused_and_changes_nothing(case: schemathesis.Case[Any], still: World) -> None:
    before = still.state()
    for actor in still.everybody():
        refusals = {whose: actor.refusal(case.operation.label, whose) for whose in (THEIRS, OURS)}
        for whose, refusal in refusals.items():
            if refusal == 404 or (refusal and whose == THEIRS):
                still.ask(actor, case, whose)

    assert still.state() == before


@pytest.mark.multiplied
@schema.parametrize()
@effort(max_examples=ADMITTED, suppress_health_check=list(HealthCheck))
def test_who_may_gets_an_answer_as_described_and_nothing_of_others(
    case: schemathesis.Case[Any], busy: World, order_of_ours: None
) -> None:
    for actor in busy.everybody():
        if not actor.refusal(case.operation.label, OURS):
            busy.ask(actor, case, OURS)


@pytest.mark.parametrize("route", DEEDS)
def test_what_is_asked_for_rightly_is_done_by_who_may_do_it_anywhere(route: str, busy: World) -> None:
    method, path = route.split()
    names = dict.fromkeys(re.findall(r"{(\w+)}", path), "")
    before = busy.state(THEIRS)
    able = [actor for actor in busy.everybody() if THEIRS in actor.sees and not actor.refusal(route, OURS)]
    assert len(able) == 2
    for actor in able:

        def ask(body: dict[str, Any] | None = None, *, by: Actor = actor) -> dict[str, Any]:
            more: dict[str, Any] = {} if body is None else {"body": body, "media_type": "application/json"}
            answer = busy.ask(by, schema[path][method].Case(path_parameters=dict(names), **more), OURS)
            assert answer.status_code in (200, 201, 202), answer.text
            return dict(answer.json())

        caller = actor.caller(route)
        assert caller is not None
        DEEDS[route](busy, caller, ask)
    assert busy.state(THEIRS) == before


@pytest.fixture
def order_of_ours(busy: World, request: pytest.FixtureRequest) -> Iterator[None]:
    """Prepare a resource for each operation that changes one, in the state that it needs. Others' do not change.

    The changed staff is separate, too: later tests in the same process need the first.
    """
    _, method, path = request.node.name.replace("]", "").replace("[", " ").split(" ")
    if "{orderId}" in path and method != "GET":
        busy.order_anew(OURS, path.rpartition("/")[2])
    stays = dict(busy.named[OURS])
    for name in CHANGED.intersection(re.findall(r"{(\w+)}", path)) if method in ("PATCH", "DELETE") else ():
        busy.have_anew(OURS, name)
    before = busy.state(THEIRS)
    yield
    busy.named[OURS] |= {name: stays[name] for name in CHANGED}
    assert busy.state(THEIRS) == before
