"""Collection of garbage, as processes need it that run for long."""

import gc

_THRESHOLDS = (20_000, 20, 20)
"""Objects that are new, and collections of a generation, before the next collection; Python's own are 700, 10, 10."""


def collect_seldom() -> None:
    """Exempt what the process has loaded from the collection of garbage, and collect less often from now on.

    A worker keeps thousands of orders, which are no garbage, and each collection of the oldest generation looks at all.
    A program may have disabled it until now.
    """
    gc.collect()
    gc.freeze()
    gc.enable()
    gc.set_threshold(*_THRESHOLDS)
