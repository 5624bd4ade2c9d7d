"""The waves of an attack, and the tokens that its clients and the users of the service show."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from time import monotonic

from drills.attackers import Attacker
from drills.people import BODY
from harness.process_usage import held_connections
from harness.staff import REGION
from harness.supervised import Supervised
from harness.waiting import NotInTime, soon
from runtime import development_issuer

EVERYTHING = "orders:read orders:write installations:read installations:write orderStatuses:read managementCenters:read"
"""Scopes of the program through which the users of the service place and install orders."""
_HOUR = 3600.0
_LONGEST_WAIT = 60.0
"""Seconds for the answers to what was sent at once."""
_WORKING_DAYS = {"name": "a", "region": REGION, "workingDays": [0] * 20_000}
_NOTE = "x" * 50_000
_LONG = {**BODY, "note": _NOTE}
_PIPELINED = 8
"""Requests on a connection. With more, it would be closed for another reason than that nothing is read."""
_SKEW = 30.0
"""Seconds for which the API takes a token that has expired, because clocks differ."""
_BETWEEN_LOOKS = 0.2

Attack = Callable[["Wave"], Awaitable[None]]


@dataclass(frozen=True)
class Scale:
    """How much the attackers do."""

    at_once: int = 300
    """Connections on which an attacker asks, or does not read."""
    pipelining: int = 150
    """Connections on which one sends many requests before it reads an answer."""
    rounds: int = 3
    """How often costly requests are sent at once, each time with another token."""
    dripping: float = 25.0
    """Seconds for which slow requests are sent, and for which an address floods the service."""
    stream: float = 15.0
    """Seconds for which the tokens of event streams are taken."""
    closed_within: float = 60.0
    """Seconds in which connections of attackers are to be closed."""


QUICK = Scale(at_once=250, pipelining=50, rounds=1, dripping=6.0, stream=6.0, closed_within=40.0)


@dataclass
class Wave:
    """What an attacker does, and what came of it."""

    name: str
    attacker: Attacker
    attack: Attack
    shows: Collection[str] = ()
    """Names of the bounds whose lack it shows."""
    seconds: float = 0.0
    left: int = 0
    """Connections that the API still held at the end."""
    restarts: int = 0

    @property
    def anonymous(self) -> bool:
        """Whether it shows no token."""
        return self.name.endswith("no token")


@dataclass(frozen=True)
class Requests:
    """Makes the requests of attackers, as bytes."""

    service: Supervised

    def token(self, role: str, subject: str, *, seconds: float = _HOUR, **claims: object) -> str:
        """Make a token."""
        claims = {"sub": subject, "roles": [role], **claims}
        return development_issuer.token(self.service.settings.data_dir, claims, hours=seconds / _HOUR)

    def manager(self, subject: str, *, seconds: float = _HOUR) -> str:
        """Make a token of a regional manager."""
        return self.token("manager", subject, seconds=seconds, regions=[REGION])

    def costly_query(self, subject: str) -> bytes:
        """Return a request of a customer with as many wrong parameters as fit into a head."""
        return self.request("GET", "/orderStatuses?" + "&".join(["status=x"] * 3_400), self.token("customer", subject))

    def long_list(self, subject: str) -> bytes:
        """Return a request of a manager with a list of as many wrong elements as fit into a body."""
        return self.request("POST", "/managementCenters/engineers", self.manager(subject), _WORKING_DAYS)

    def many_members(self, subject: str) -> bytes:
        """Return a request to decrypt one payload with a map of 190,000 members."""
        body = {"payloads": [{"metadata": {f"{number:x}": 0 for number in range(190_000)}}]}
        token = self.token("service", subject, scope="codec:decode")
        return self.request("POST", "/codec/default/decode", token, body)

    def plain(self, subject: str) -> bytes:
        """Return a request of a manager for a page of orders."""
        return self.request("GET", "/orderStatuses?limit=50", self.manager(subject))

    def listening(self, subject: str, *, seconds: float) -> bytes:
        """Return a request for every change since the beginning, with a token that soon expires."""
        return self.request(
            "GET", "/orderStatuses/events", self.manager(subject, seconds=seconds), headers={"Last-Event-ID": "0"}
        )

    def request(
        self,
        method: str,
        target: str,
        token: str | None = None,
        body: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        """Return a request, with a JSON body if there is one."""
        fields = {"Host": self.service.settings.api_host, **(headers or {})}
        if token:
            fields["Authorization"] = f"Bearer {token}"
        content = b"" if body is None else json.dumps(body, separators=(",", ":")).encode()
        if content:
            fields |= {"Content-Type": "application/json", "Content-Length": str(len(content))}
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        return f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode() + content


@dataclass(frozen=True)
class Waves:
    """Makes the waves of an attack on a service."""

    service: Supervised
    scale: Scale

    @cached_property
    def requests(self) -> Requests:
        """The requests that are sent."""
        return Requests(self.service)

    def all(self) -> Sequence[Wave]:
        """Return the waves, each from an address of its own."""
        service = (self.service.settings.api_host, self.service.settings.api_port)
        numbers = count(2)
        return [
            Wave(name, Attacker(f"127.0.0.{next(numbers)}", service), attack, shows)
            for name, attack, shows in self._attacks()
        ]

    def plain(self) -> Wave:
        """Return the wave of a client that asks for pages of orders at once, and is no attacker."""
        service = (self.service.settings.api_host, self.service.settings.api_port)
        return Wave("pages of orders at once", Attacker("127.0.0.1", service), self._costly(self.requests.plain))

    def for_bound(self, bound: str) -> Sequence[Wave]:
        """Return the waves that show the lack of a bound."""
        return [wave for wave in self.all() if bound in wave.shows]

    def _attacks(self) -> Iterator[tuple[str, Attack, Collection[str]]]:
        """Yield the name of each wave, what it does, and the bounds (of `drills.unbounded`) whose lack it shows."""
        make = self.requests
        yield "costly queries at once, a customer", self._costly(make.costly_query), ["query-parameters"]
        yield "long lists at once, a manager", self._costly(make.long_list), ["list-length", "errors-reported"]
        yield "maps of 190,000 members, a service", self._costly(make.many_members, share=0.03), ["list-length"]
        yield "the document, pipelined, no token", self._pipelined("/openapi.json", 60), ["pipelining"]
        yield "short requests, pipelined, no token", self._pipelined("/nothing", 1000), ["pipelining"]
        yield "nothing is read, no token", self._unread, ["writing-deadline"]
        yield "event streams are not read, a manager", self._streams, []
        yield "slow heads and bodies", self._slow, ["connections"]
        yield "a flood, no token", self._flood, ["anonymous-rate"]

    def _costly(self, make: Callable[[str], bytes], *, share: float = 1.0) -> Attack:
        async def attack(wave: Wave) -> None:
            for number in range(self.scale.rounds):
                request = make(f"{wave.attacker.address}-{number}")
                await wave.attacker.ask([request] * int(share * self.scale.at_once), within=_LONGEST_WAIT)

        return attack

    def _pipelined(self, path: str, requests: int) -> Attack:
        async def attack(wave: Wave) -> None:
            sent = self.requests.request("GET", path) * requests
            await wave.attacker.ask([sent] * self.scale.pipelining, each=requests, within=_LONGEST_WAIT)

        return attack

    async def _unread(self, wave: Wave) -> None:
        document = self.requests.request("GET", "/openapi.json")
        async with wave.attacker.unread([document * _PIPELINED] * self.scale.at_once):
            await self._until_closed(wave)

    async def _streams(self, wave: Wave) -> None:
        began = monotonic()
        listening = [
            self.requests.listening(f"{wave.attacker.address}-{number // 5}", seconds=self.scale.stream - _SKEW)
            for number in range(self.scale.at_once // 5)
        ]
        async with wave.attacker.unread(listening):
            await asyncio.sleep(max(0.0, began + self.scale.stream - monotonic()))
            await self._until_closed(wave)

    async def _slow(self, wave: Wave) -> None:
        head = b"GET /orderStatuses HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Filler: "
        body = self.requests.request("POST", "/orders", self.requests.token("customer", "slow"), _LONG)[: -len(_NOTE)]
        half = self.scale.at_once // 2
        await wave.attacker.drip([head] * half + [body] * half, seconds=self.scale.dripping)
        await self._until_closed(wave)

    async def _flood(self, wave: Wave) -> None:
        request = self.requests.request("GET", "/nothing")
        await wave.attacker.keep_asking(request, connections=20, seconds=self.scale.dripping)

    async def _until_closed(self, wave: Wave) -> None:
        async def closed() -> bool:
            wave.left = held_connections(self.service.settings.api_port)[wave.attacker.address]
            return not wave.left

        try:
            await soon(closed, within=self.scale.closed_within, every=_BETWEEN_LOOKS, what="closed")
        except NotInTime:
            return
