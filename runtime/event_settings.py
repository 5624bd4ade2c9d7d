"""Settings of the events for other systems: how long they are kept, and to whom they may be sent."""

from enum import StrEnum
from functools import cached_property
from typing import Self

from pydantic import Field, field_validator, model_validator

from domain.event_delivery.targets import TargetRules
from runtime.addresses import networks
from runtime.console_settings import ConsoleSettings

_LAST_PORT = 65535


class Handshake(StrEnum):
    """Whether a consumer has to consent by the `OPTIONS` handshake of CloudEvents before it is sent anything."""

    OPTIONAL = "optional"
    """A consumer that does not answer the handshake, but answers a ping, agrees."""
    REQUIRED = "required"


class EventSettings(ConsoleSettings):
    """The part of `Settings` about events for other systems."""

    event_delivery_database_url: str | None = None
    event_source: str = Field("urn:subscription-orders", pattern=r"^[A-Za-z][A-Za-z0-9+.-]*:[!-~]+$", max_length=200)
    """Name of this installation in its events, a URI without a fragment. Consumers tell events apart by it."""
    event_retention: float = Field(30 * 24 * 60 * 60, ge=7 * 24 * 60 * 60, le=366 * 24 * 60 * 60)
    """Seconds for which the log keeps an event."""
    event_give_up_after: float = Field(5 * 24 * 60 * 60, ge=60 * 60, le=60 * 24 * 60 * 60)
    """Seconds for which a consumer, or the event of an order, may fail before a person has to decide."""
    event_retry_at_most_every: float = Field(10 * 60, ge=1, le=60 * 60)
    """Seconds. The longest pause between two attempts."""
    event_origin: str = Field("localhost", pattern=r"^[A-Za-z0-9._-]{1,200}$")
    """Name by which consumers know this service: `WebHook-Request-Origin`."""
    event_handshake: Handshake = Handshake.OPTIONAL
    event_target_networks: str = Field("", max_length=2000)
    """Networks, separated by commas, to which events may be sent although they are not public, also by `http`."""
    event_forbidden_ports: str = Field("1433,3306,5432,6379,7233,8233,9092,11211,27017", max_length=2000)
    """Ports, separated by commas, to which no events are sent, beside those below 1024 but for 443."""
    max_event_subscriptions: int = Field(50, ge=1, le=1000)
    max_event_subscriptions_per_owner: int = Field(10, ge=1, le=1000)

    @field_validator("event_target_networks")
    @classmethod
    def _are_networks(cls, given: str) -> str:
        networks(given)
        return given

    @field_validator("event_forbidden_ports")
    @classmethod
    def _are_ports(cls, given: str) -> str:
        if not all(1 <= port <= _LAST_PORT for port in _ports(given)):
            raise ValueError("a port is a number from 1 to 65535")
        return given

    @model_validator(mode="after")
    def _gives_up_in_time(self) -> Self:
        if self.event_give_up_after >= self.event_retention:
            raise ValueError("EVENT_GIVE_UP_AFTER has to be less than EVENT_RETENTION, after which events are gone")
        return self

    @cached_property
    def event_targets(self) -> TargetRules:
        """Rules for the URLs of subscriptions."""
        return TargetRules(networks(self.event_target_networks), _ports(self.event_forbidden_ports))


def _ports(text: str) -> frozenset[int]:
    return frozenset(int(word) for each in text.split(",") if (word := each.strip()))
