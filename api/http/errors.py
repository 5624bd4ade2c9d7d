"""What the API itself cannot do, beside what the domain refuses.

- `Unavailable`: somebody who has to answer does not; asking again may help.
  - `TemporalUnavailable`: the Temporal server.
  - `NoAnswerInTime`: a worker, or a server that is up but busy.
- `IdempotencyKeyReused`: the key belongs to another request.
- `Unauthenticated`: it is not known who asks.
- `Forbidden`: it is not theirs to ask for.
- `TooManyRequests`: they have asked for too much; later they may again.
- `TooManyOpenOrders`: the customer has so many already.
"""


class Unavailable(Exception):
    """Somebody who has to answer does not. Nothing is known to have been done, nor not to have been."""


class TemporalUnavailable(Unavailable):
    """The Temporal server cannot be reached, or does not do what it is asked to."""


class NoAnswerInTime(Unavailable):
    """No worker took the request in time, or too many requests were before it."""


class IdempotencyKeyReused(Exception):
    """The idempotency key has been used with another body."""


class Unauthenticated(Exception):
    """The request has no token, or (`invalid`) one that does not count."""

    def __init__(self, detail: str, *, invalid: bool = False) -> None:
        super().__init__(detail)
        self.invalid = invalid


class Forbidden(Exception):
    """Who asks may not do this; with a `scope` in their token they might."""

    def __init__(self, detail: str, *, scope: str | None = None) -> None:
        super().__init__(detail)
        self.scope = scope


class TooManyRequests(Exception):
    """Who asks has asked for too much; after `retry_after` seconds they may again."""

    def __init__(self, detail: str, *, retry_after: int) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class TooManyOpenOrders(Exception):
    """The customer has as many open orders as one may have."""
