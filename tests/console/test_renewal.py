"""Twenty requests of one browser come at once: its refresh token is used once, and nobody loses the new tokens."""

import asyncio
from dataclasses import dataclass, field

import pytest

from console.sign_in import renewal
from console.sign_in.provider import ProviderAway, SignInRefused, Tokens
from console.sign_in.renewal import Renewals

NEW = Tokens("new", "newer", 0, 600)


@dataclass
class Provider:
    """Answers when it is told to."""

    answer: Tokens | Exception = NEW
    asked: list[str] = field(default_factory=list)
    answers: asyncio.Event = field(default_factory=asyncio.Event)
    now: float = 0.0

    async def renew(self, refresh_token: str) -> Tokens:
        self.asked.append(refresh_token)
        await self.answers.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def renewals(self) -> Renewals:
        return Renewals(self.renew, now=lambda: self.now)


async def test_requests_at_once_share_one_renewal() -> None:
    provider = Provider()
    renewals = provider.renewals()
    requests = [asyncio.create_task(renewals.tokens("old")) for _ in range(20)]
    await asyncio.sleep(0)
    provider.answers.set()

    assert await asyncio.gather(*requests) == [NEW] * 20
    assert await renewals.tokens("old") == NEW
    assert provider.asked == ["old"]


async def test_every_session_is_renewed_by_itself() -> None:
    provider = Provider()
    provider.answers.set()
    renewals = provider.renewals()

    await asyncio.gather(renewals.tokens("one"), renewals.tokens("other"))

    assert provider.asked == ["one", "other"]


async def test_a_browser_that_goes_away_does_not_lose_the_new_tokens() -> None:
    provider = Provider()
    renewals = provider.renewals()
    gone = asyncio.create_task(renewals.tokens("old"))
    await asyncio.sleep(0)
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    provider.answers.set()

    assert await renewals.tokens("old") == NEW
    assert provider.asked == ["old"]


async def test_whoever_has_a_token_does_not_wait_for_a_slow_provider() -> None:
    provider = Provider()
    renewals = provider.renewals()

    assert await renewals.tokens("old", within=0) is None
    provider.answers.set()
    assert await renewals.tokens("old") == NEW
    assert provider.asked == ["old"]


async def test_a_refusal_is_final_and_silence_is_not() -> None:
    provider = Provider(SignInRefused("invalid_grant"))
    provider.answers.set()
    renewals = provider.renewals()
    assert await renewals.tokens("used") is None
    provider.answer = ProviderAway("TimeoutError")
    assert await renewals.tokens("unlucky") is None
    provider.answer = NEW

    assert (await renewals.tokens("used"), await renewals.tokens("unlucky")) == (None, None)
    provider.now = renewal.AGAIN_AFTER

    assert (await renewals.tokens("used"), await renewals.tokens("unlucky")) == (None, NEW)
    assert provider.asked == ["used", "unlucky", "unlucky"]


async def test_results_are_forgotten() -> None:
    provider = Provider()
    provider.answers.set()
    renewals = provider.renewals()
    await renewals.tokens("old")
    provider.now = renewal.KNOWN_FOR

    await renewals.tokens("old")

    assert provider.asked == ["old", "old"]


async def test_however_many_there_are_few_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renewal, "_MOST", 3)
    provider = Provider()
    provider.answers.set()
    renewals = provider.renewals()
    for number in range(6):
        await renewals.tokens(str(number))
    provider.asked.clear()

    await renewals.tokens("5")
    await renewals.tokens("0")

    assert provider.asked == ["0"]
