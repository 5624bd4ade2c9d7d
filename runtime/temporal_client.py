"""Temporal client of every process, and its preparation of the server."""

import asyncio
import logging
import os
import sys
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import NoReturn

from google.protobuf.duration_pb2 import Duration
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.namespace.v1 import NamespaceConfig
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, UpdateNamespaceRequest
from temporalio.client import Client, Interceptor
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.envconfig import ClientConfigProfile, ClientConnectConfig
from temporalio.service import RPCError, RPCStatusCode

from domain.common import contexts, search_attributes
from domain.common.texts import PlainText
from domain.event_delivery import delivery, relay
from domain.management_center import dispatch
from runtime import payload_binding
from runtime.key_rings import make_file
from runtime.payload_binding import PayloadBinding
from runtime.payload_codec import encrypting
from runtime.payload_keys import PayloadKeys, read_file
from runtime.settings import Settings

_DEADLINE = timedelta(seconds=5)
_PROBE_WITHIN = timedelta(seconds=1)
_CALL_WITHIN = 2.0
"""Timeout in seconds of a call that starts or signals a workflow of the service itself."""

_log = logging.getLogger(__name__)


def end_process(status: int = 0) -> NoReturn:
    """End a process that has used a client, after all its work.

    A regular exit finalizes the interpreter while threads of the SDK may still call it. This sometimes aborts a process
    that had succeeded (temporalio/sdk-python, issue 300), or leaves it hanging forever.
    """
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def run_and_end(work: Callable[[], object]) -> NoReturn:
    """Run all the work of a process and end it, also if the work raises. The exit status is as Python's own."""
    try:
        work()
    except SystemExit as end:
        end_process(end.code if isinstance(end.code, int) else int(end.code is not None))
    except BaseException:  # noqa: BLE001 - printed as Python would print it
        sys.excepthook(*sys.exc_info())
        end_process(1)
    end_process()


async def connect(settings: Settings, *, lazy: bool = False, interceptors: Sequence[Interceptor] = ()) -> Client:
    """Connect a client for the calling event loop. Each process uses one.

    With `TEMPORAL_ADDRESS`, the SDK's environment configuration applies (namespace, TLS, API key). Without it, the
    client uses the embedded server, regardless of the environment or a user's profile. Payloads are encrypted.

    Args:
        lazy: Connect at the first call instead of now. A worker cannot use such a client.
        interceptors: Interceptors of the client, and of the workers that use it.

    Raises:
        RuntimeError: the server does not answer (never when `lazy`).
        NoKeys, ValueError: as `payload_keys_of` and `payload_binding_of`.
    """
    config = ClientConnectConfig()
    if settings.temporal_address is not None:
        config = ClientConfigProfile.load().to_client_connect_config()
    config["target_host"] = settings.server_address
    namespace = config.setdefault("namespace", "default")
    converter = encrypting(payload_keys_of(settings), namespace, payload_binding_of(settings))
    return await Client.connect(**config, lazy=lazy, interceptors=interceptors, data_converter=converter)


def payload_keys_of(settings: Settings) -> PayloadKeys:
    """Return the keys of `PAYLOAD_KEYS`, or of the file in `DATA_DIR`.

    The file is created if the server is the embedded one, whose data are in the same directory.

    Raises:
        NoKeys: the server is an existing one, and no keys are configured.
        ValueError: the file does not contain valid keys.
    """
    if settings.payload_keys is not None:
        return PayloadKeys.parse(settings.payload_keys.get_secret_value())
    if settings.temporal_address is None:
        make_file(settings.payload_keys_file)
    return read_file(settings.payload_keys_file)


def payload_binding_of(settings: Settings) -> PayloadBinding:
    """Return `PAYLOAD_BINDING`. Without it, `DATA_DIR` says what holds for the embedded server, whose data are there.

    Raises:
        ValueError: the file in `DATA_DIR` does not contain a binding.
    """
    binding = settings.payload_binding
    if binding is None and settings.temporal_address is None:
        binding = payload_binding.read_file(settings.payload_binding_file)
    return binding or PayloadBinding.ACCEPT


async def register_search_attributes(client: Client) -> None:
    """Register the orders' search attributes in the namespace, if they are missing.

    If the server denies permission (as Temporal Cloud does), an operator has to do this instead.

    Raises:
        RPCError: the server does not answer.
    """
    try:
        await _register(client)
    except RPCError as error:
        if error.status is not RPCStatusCode.PERMISSION_DENIED:
            raise
        _log.warning("could not register the search attributes; an operator has to do it: %s", error.message)


async def keep_closed_workflows(client: Client, retention: timedelta) -> None:
    """Set how long the client's namespace keeps closed workflows.

    Raises:
        RPCError: the server does not answer.
    """
    service, ttl = client.workflow_service, Duration()
    ttl.FromTimedelta(retention)
    namespace = await service.describe_namespace(
        DescribeNamespaceRequest(namespace=client.namespace), timeout=_DEADLINE
    )
    if namespace.config.workflow_execution_retention_ttl != ttl:
        config = NamespaceConfig(workflow_execution_retention_ttl=ttl)
        await service.update_namespace(
            UpdateNamespaceRequest(namespace=client.namespace, config=config), timeout=_DEADLINE
        )


async def check(client: Client) -> None:
    """
    Raises:
        RPCError, RuntimeError: the server does not answer in time.
    """
    await client.service_client.check_health(timeout=_PROBE_WITHIN)


async def call_dispatchers(client: Client, regions: Sequence[str]) -> None:
    """Signal the dispatch workflow of each region to look for orders that are due. Starts those that do not run.

    Args:
        client: The client.
        regions: Regions, `dispatch.NO_REGION` among them.

    Raises:
        RPCError, RuntimeError, TimeoutError: the server does not answer in time for one of them. The others are called.
    """
    outcomes = await asyncio.gather(*(_call_dispatcher(client, region) for region in regions), return_exceptions=True)
    for failure in filter(None, outcomes):
        raise failure


async def _call_dispatcher(client: Client, region: str) -> None:
    async with asyncio.timeout(_CALL_WITHIN):
        await client.start_workflow(
            dispatch.WORKFLOW_TYPE,
            id=dispatch.workflow_id_of(region),
            task_queue=contexts.MANAGEMENT_CENTER,
            start_signal=dispatch.LOOK,
            start_signal_args=[""],  # a signal without an argument could come from anybody
            static_summary=PlainText("배차 · Dispatch"),
            rpc_timeout=timedelta(seconds=_CALL_WITHIN),
        )


async def start_event_relay(client: Client, source: str) -> None:
    """Start the workflow that copies the events of a source to the log, unless it runs.

    Raises:
        RPCError, RuntimeError, TimeoutError: the server does not answer in time.
    """
    async with asyncio.timeout(_CALL_WITHIN):
        await client.start_workflow(
            relay.WORKFLOW_TYPE,
            relay.Relay(source),
            id=relay.workflow_id(source),
            task_queue=contexts.EVENT_DELIVERY,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            static_summary=PlainText("이벤트 중계 · Relay of events"),
            rpc_timeout=timedelta(seconds=_CALL_WITHIN),
        )


async def start_event_delivery(client: Client, subscription_id: str) -> None:
    """Start the workflow that sends the events of a subscription. If it runs, have it look at once.

    Raises:
        RPCError, RuntimeError, TimeoutError: the server does not answer in time.
    """
    async with asyncio.timeout(_CALL_WITHIN):
        await client.start_workflow(
            delivery.WORKFLOW_TYPE,
            delivery.Delivery(subscription_id),
            id=delivery.workflow_id(subscription_id),
            task_queue=contexts.EVENT_DELIVERY,
            start_signal=delivery.LOOK,
            start_signal_args=[""],  # a signal without an argument could come from anybody
            static_summary=PlainText("이벤트 배달 · Delivery of events"),
            rpc_timeout=timedelta(seconds=_CALL_WITHIN),
        )


async def _register(client: Client) -> None:
    service = client.operator_service
    known = await service.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace), timeout=_DEADLINE
    )
    missing = [name for name in search_attributes.ALL if name not in known.custom_attributes]
    if missing:
        await service.add_search_attributes(
            AddSearchAttributesRequest(
                namespace=client.namespace,
                search_attributes=dict.fromkeys(missing, IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD),
            ),
            timeout=_DEADLINE,
        )
