"""Every field of an installation is stored and read unchanged, including fields that are added later."""

from dataclasses import fields
from typing import Any

import pytest

from domain.common import contexts
from domain.common.personal import erased
from domain.installation import CancelInstallation, Installation, InstallationStatus, OrderDetails, RequestInstallation
from stores.common.database import Database
from stores.installation.details import InstallationDetailsStore
from stores.installation.installations import InstallationStore
from tests.domain.filled import filled
from tests.stores.orders import NOON


@pytest.fixture
def context() -> str:
    return contexts.INSTALLATION


@pytest.fixture
def store(database: Database) -> InstallationStore:
    return InstallationStore(database)


def defaults(**known: Any) -> dict[str, Any]:
    """Return the members of an installation that has only its defaults."""
    return vars(Installation(status_at=NOON)) | known


@pytest.mark.parametrize("name", [field.name for field in fields(RequestInstallation)])
async def test_each_field_of_a_request_is_read_as_it_was_stored(store: InstallationStore, name: str) -> None:
    request = filled(RequestInstallation)
    await store.request(request, NOON)

    assert getattr(await store.newest(request.order_id), name) == getattr(request, name)


async def test_a_request_is_read_as_it_was_stored(store: InstallationStore) -> None:
    request = filled(RequestInstallation)
    await store.request(request, NOON)

    installation = await store.newest(request.order_id)
    assert vars(installation) == defaults(**vars(request))
    assert (await store.list()).items == [installation]


async def test_a_cancel_is_read_as_it_was_stored(store: InstallationStore) -> None:
    cancel = filled(CancelInstallation)
    await store.cancel(cancel, NOON)

    assert vars(await store.newest(cancel.order_id)) == defaults(status=InstallationStatus.CANCELED, **vars(cancel))


async def test_details_are_added_as_they_are(store: InstallationStore, database: Database) -> None:
    details = filled(OrderDetails)
    await store.request(RequestInstallation(details.order_id, 1), NOON)
    await InstallationDetailsStore(database).add(details)

    assert vars(details).items() <= vars(await store.newest(details.order_id)).items()


async def test_an_erasure_leaves_nothing_personal_and_the_rest_as_it_was(store: InstallationStore) -> None:
    request = filled(RequestInstallation)
    await store.request(request, NOON)
    before = vars(await store.newest(request.order_id))
    await store.erase([request.order_id])

    assert vars(await store.newest(request.order_id)) == before | erased(Installation)
