"""How often what another context could not do is tried again."""

from datetime import timedelta

from temporalio.common import RetryPolicy

from domain.order_policy import OrderPolicy

_FIRST_PAUSE = timedelta(seconds=1)


def without_end(policy: OrderPolicy) -> RetryPolicy:
    """Again and again, with pauses that grow up to the policy's longest."""
    longest = timedelta(seconds=policy.retry_at_most_every)
    # The server takes no first pause that is longer than the longest.
    return RetryPolicy(initial_interval=min(_FIRST_PAUSE, longest), maximum_interval=longest)
