"""Collection of garbage."""

import gc

from runtime import garbage


def test_garbage_is_collected_seldom_and_what_is_loaded_is_exempt() -> None:
    before, by_default = gc.get_threshold(), (700, 10, 10)
    gc.set_threshold(*by_default)
    gc.disable()  # as programs do while they are loaded
    try:
        garbage.collect_seldom()

        assert gc.get_freeze_count() > 0
        assert all(ours > pythons for ours, pythons in zip(gc.get_threshold(), by_default, strict=True))
        assert gc.isenabled()
    finally:
        gc.enable()
        gc.unfreeze()
        gc.set_threshold(*before)
