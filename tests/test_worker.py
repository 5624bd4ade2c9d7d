"""What workers carry: every command and every workflow, each once, with the same settings everywhere."""

import pkgutil
from collections import Counter
from importlib import import_module
from typing import Any
from unittest.mock import Mock

import pytest
from prometheus_client import CollectorRegistry

import domain
from activities.common.serving import Part, Resources, commands_of
from domain.common import contexts
from domain.common.commands import Command
from domain.erasure import BEFORE_VIEW, ERASE_VIEW
from runtime import worker_process
from runtime.settings import Settings
from stores.common.database import Database
from stores.migration import METADATA
from worker import WORK, contexts_named


def commands() -> list[Command[Any, Any]]:
    """Every command that a module of the domain names."""
    modules = [import_module(found.name) for found in pkgutil.walk_packages(domain.__path__, "domain.")]
    named = {id(value): value for module in modules for value in vars(module).values() if isinstance(value, Command)}
    return list(named.values())


def owners(context: str) -> list[type]:
    """The classes whose methods a context's workers register; nothing is connected to for this."""
    client: Any = object()
    resources = Resources(Database("sqlite:///nowhere.db"), client, Settings(), CollectorRegistry())
    return [type(owner) for owner in WORK.parts[context](resources).owners]


def test_every_command_is_carried_out_by_exactly_one_worker_that_of_its_context() -> None:
    served = Counter(
        (context, command.name)
        for context in WORK.parts
        for owner in owners(context)
        for _, command in commands_of(owner)
    )

    assert served == Counter((command.context, command.name) for command in commands())
    assert len({command.name for command in commands()}) == len(commands()) > 20


def test_every_command_has_an_input_because_nothing_else_can_be_bound_to_its_workflow() -> None:
    """A worker that requires bound payloads refuses an activity without one."""
    assert [command.name for command in commands() if command.input_type is type(None)] == []


@pytest.mark.parametrize(
    ("context", "slots", "expected"),
    [(contexts.EVENT_DELIVERY, 30, 120), (contexts.EVENT_DELIVERY, 130, 130), (contexts.INSTALLATION, 30, 30)],
)
def test_each_subscription_has_a_slot_for_its_delivery_and_one_for_a_ping(
    monkeypatch: pytest.MonkeyPatch, context: str, slots: int, expected: int
) -> None:
    worker = Mock()
    monkeypatch.setattr(worker_process, "Worker", worker)
    monkeypatch.setattr(worker_process, "for_worker", Mock())
    settings = Settings(max_concurrent_activities=slots, max_event_subscriptions=50)

    WORK.worker(Mock(), settings, context, None)

    assert worker.call_args.kwargs["max_concurrent_activities"] == expected


def test_the_records_of_the_contexts_say_what_workers_carry() -> None:
    assert {record.name for record in contexts.RECORDS if record.workflows} == WORK.workflows.keys()
    assert {record.name for record in contexts.RECORDS if record.activities} == WORK.parts.keys()


def test_every_store_has_tables_and_is_erased_where_it_knows_customers() -> None:
    erased = {command.context for command in (*BEFORE_VIEW, ERASE_VIEW)}

    assert METADATA.keys() == contexts.STORES.keys()
    # The audit names actors, and keeps them. An event has nothing personal.
    assert erased == contexts.STORES.keys() - {contexts.AUDIT, contexts.EVENT_DELIVERY}


@pytest.mark.parametrize("record", contexts.RECORDS, ids=lambda record: record.name)
def test_every_store_has_a_setting_of_its_own(record: contexts.Context) -> None:
    url = "postgresql://somewhere/else"
    settings = Settings().model_copy(update={record.database_setting: url})

    assert (record.store is None) or settings.database_url(record.name) == url
    assert (record.database_setting in Settings.model_fields) is (record.store is not None)


def test_all_workers_have_the_same_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[dict[str, Any]] = []
    monkeypatch.setattr(worker_process, "Worker", lambda _, **given: built.append(given))
    monkeypatch.setattr(worker_process, "for_worker", lambda client: client)
    client: Any = None

    for context in contexts.ALL:
        WORK.worker(client, Settings(), context, Part([]))

    own = {"task_queue", "workflows", "activities", "deployment_config", "max_concurrent_activities"}
    assert [given["task_queue"] for given in built] == list(contexts.ALL)
    shared = [{name: value for name, value in given.items() if name not in own} for given in built]
    assert all(each == shared[0] for each in shared)
    assert {"sticky_queue_schedule_to_start_timeout", "max_cached_workflows"} <= shared[0].keys()


def test_a_context_that_is_named_twice_is_served_once() -> None:
    """The SDK refuses a second worker of the same queue."""
    assert contexts_named(["--context", "orders", "--context", "installation", "--context", "orders"]) == [
        "orders",
        "installation",
    ]
    assert tuple(contexts_named([])) == contexts.ALL
