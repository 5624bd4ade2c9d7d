"""Errors of the API itself, beside the domain's refusals.

- `Unavailable`: a service that has to answer does not; a retry may help.
  - `TemporalUnavailable`: the Temporal server.
  - `NoAnswerInTime`: a worker, or a server that is up but busy.
- `IdempotencyKeyReused`: the key belongs to another request.
- `Unauthenticated`: the sender is not known.
- `Forbidden`: the sender is not allowed to do this.
- `TooManyRequests`: the client has sent too many requests, and may send more later.
- `TooManyOpenOrders`: the customer has too many open orders.
"""


class Unavailable(Exception):
    """A service that has to answer does not. It is not known whether the request was carried out."""


class TemporalUnavailable(Unavailable):
    """The Temporal server cannot be reached, or does not carry out a call."""


class NoAnswerInTime(Unavailable):
    """No worker took the request in time, or too many requests were waiting."""


class IdempotencyKeyReused(Exception):
    """The idempotency key was used with another body."""


class Unauthenticated(Exception):
    """The request has no token, or (`invalid`) an invalid one."""

    def __init__(self, detail: str, *, invalid: bool = False) -> None:
        super().__init__(detail)
        self.invalid = invalid


class Forbidden(Exception):
    """The sender is not allowed to do this. A token with the `scope` might allow it."""

    def __init__(self, detail: str, *, scope: str | None = None) -> None:
        super().__init__(detail)
        self.scope = scope


class TooManyRequests(Exception):
    """The client has sent too many requests. It may send the next one after `retry_after` seconds."""

    def __init__(self, detail: str, *, retry_after: int) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class TooManyOpenOrders(Exception):
    """The customer has as many open orders as allowed."""
