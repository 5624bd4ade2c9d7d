"""A worker encrypts secrets with the newest key when it starts, and does not give up before it could."""

import asyncio
from typing import cast

import pytest

from activities.event_delivery import part
from domain.common.errors import StoreUnavailable
from runtime.secret_seal import SecretUnreadable
from stores.event_delivery.secrets import SecretStore


class Secrets:
    """A store whose answers are given."""

    def __init__(self, *answers: Exception | int) -> None:
        self.left = list(answers)

    async def reseal(self) -> int:
        answer = self.left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.mark.parametrize("last", [0, 3, SecretUnreadable("no payload key 'a'")])
async def test_it_is_tried_until_the_database_answers(last: Exception | int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(part, "_AFTER_A_FAILURE", 0.0)
    secrets = Secrets(StoreUnavailable("away"), StoreUnavailable("away"), last, 0)

    await part.reseal_secrets(cast(SecretStore, secrets), asyncio.Event())

    assert secrets.left == [0]
