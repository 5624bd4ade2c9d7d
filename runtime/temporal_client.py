"""The one way to a Temporal client, for every process: where the server is, what it indexes, who dispatches."""

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
from temporalio.envconfig import ClientConfigProfile, ClientConnectConfig
from temporalio.service import RPCError, RPCStatusCode

from domain.common import contexts, search_attributes
from domain.common.texts import PlainText
from domain.management_center import dispatch
from runtime.payload_codec import encrypting
from runtime.payload_keys import PayloadKeys, make_file, read_file
from runtime.settings import Settings

_DEADLINE = timedelta(seconds=5)
_PROBE_WITHIN = timedelta(seconds=1)
_CALL_WITHIN = 2.0
"""Seconds for the dispatcher to be called."""

_log = logging.getLogger(__name__)


def end_process(status: int = 0) -> NoReturn:
    """End a process that has used a client, when all its work is done.

    Python's own way tears the interpreter down while threads of the SDK may still call it, which now and then aborts a
    process that had ended well (temporalio/sdk-python, issue 300), or leaves it hanging for good.
    """
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def run_and_end(work: Callable[[], object]) -> NoReturn:
    """Do all that a process is for, then end it, also where the work raises: the status is as Python's own would be."""
    try:
        work()
    except SystemExit as end:
        end_process(end.code if isinstance(end.code, int) else int(end.code is not None))
    except BaseException:  # noqa: BLE001 - shown as Python would
        sys.excepthook(*sys.exc_info())
        end_process(1)
    end_process()


async def connect(settings: Settings, *, lazy: bool = False, interceptors: Sequence[Interceptor] = ()) -> Client:
    """A client for the event loop that calls this; one for each process.

    With `TEMPORAL_ADDRESS` the SDK's environment configuration counts (namespace, TLS, API key); without it the
    embedded server is meant, whatever else the environment or a profile of the user says. What is sent is encrypted.

    Args:
        lazy: Connect with the first call instead of now. A worker cannot use such a client.
        interceptors: Of its calls; those for workers count for the workers that use it, too.

    Raises:
        RuntimeError: the server does not answer (never when `lazy`).
        NoKeys, ValueError: as `payload_keys_of`.
    """
    config = ClientConnectConfig()
    if settings.temporal_address is not None:
        config = ClientConfigProfile.load().to_client_connect_config()
    config["target_host"] = settings.server_address
    namespace = config.setdefault("namespace", "default")
    converter = encrypting(payload_keys_of(settings), namespace)
    return await Client.connect(**config, lazy=lazy, interceptors=interceptors, data_converter=converter)


def payload_keys_of(settings: Settings) -> PayloadKeys:
    """The keys of `PAYLOAD_KEYS`, or of the file in `DATA_DIR`, which is made where the server's data are there, too.

    Raises:
        NoKeys: the server is an existing one, and nobody has said with which keys.
        ValueError: what is in the file are no keys.
    """
    if settings.payload_keys is not None:
        return PayloadKeys.parse(settings.payload_keys.get_secret_value())
    if settings.temporal_address is None:
        make_file(settings.payload_keys_file)
    return read_file(settings.payload_keys_file)


async def register_search_attributes(client: Client) -> None:
    """Make the orders' search attributes known to the namespace, where they are not yet.

    A server that does not let this client do it (as in Temporal Cloud) is taken to have an operator who has.

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
    """Have the client's namespace keep workflows for so long after their end.

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
        RPCError, RuntimeError: the server does not answer, or not in time.
    """
    await client.service_client.check_health(timeout=_PROBE_WITHIN)


async def call_dispatcher(client: Client) -> None:
    """Have the dispatch workflow look whether orders are due: the one that runs, or a new one.

    Raises:
        RPCError, RuntimeError, TimeoutError: the server does not answer, or not in time.
    """
    async with asyncio.timeout(_CALL_WITHIN):
        await client.start_workflow(
            dispatch.WORKFLOW_TYPE,
            id=dispatch.WORKFLOW_ID,
            task_queue=contexts.MANAGEMENT_CENTER,
            start_signal=dispatch.LOOK,
            static_summary=PlainText("배차 · Dispatch"),
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
