"""What an event subscription is about, in words."""

from collections.abc import Mapping, Sequence
from typing import Any

from console import labels
from console.event_subscriptions.fields import LABELS, batch_of
from console.texts import N_, Texts
from domain.common.contexts import ORDER_STATUS
from domain.event_delivery.log import type_of
from domain.event_delivery.subscriptions import ALL_OF
from domain.orders import Event

ORDERS_EVENTS: Mapping[str, str] = {type_of(ORDER_STATUS, event): event.value for event in Event}
"""Events of orders by their types."""


def event_text(type_: str, texts: Texts) -> str:
    """Return what a type of events is called. One that this release does not know is shown as it is."""
    if event := ORDERS_EVENTS.get(type_):
        return texts(labels.EVENT[event])
    if type_.endswith(ALL_OF):
        return texts("All of “%(family)s”", family=type_.removesuffix(ALL_OF))
    return type_


def terms_of(facts: Mapping[str, Any], texts: Texts) -> Sequence[tuple[str, str]]:
    """Return what is sent where: what it is called, marked for translation, and how it is."""
    label = labels.labeler(texts)
    types = [event_text(one, texts) for one in facts["types"] or ()]
    regions = [label("region", one) for one in facts["regions"] or ()]
    rate = facts["perMinute"]
    return [
        (LABELS["name"], facts["name"]),
        (LABELS["url"], facts["url"]),
        (LABELS["types"], " · ".join(types) or texts(N_("All, also those of later releases"))),
        (LABELS["regions"], ", ".join(regions) or texts(N_("All, also orders whose region is not known yet"))),
        (LABELS["atOnce"], texts.number(facts["atOnce"])),
        (LABELS["batch"], texts.number(batch_of(facts))),
        (LABELS["perMinute"], texts.number(rate) if rate else texts(N_("As many as there are"))),
    ]
