"""How many subscriptions there may be."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SubscriptionLimits:
    """The largest numbers of subscriptions."""

    most: int
    most_of_owner: int
