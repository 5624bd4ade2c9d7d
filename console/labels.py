"""Texts for the codes of the API: statuses, events, reasons, regions, roles."""

from collections.abc import Callable, Mapping

from console.texts import N_, Texts
from domain.orders import AttentionReason, Event, OrderStatus

STATUS: Mapping[str, str] = {
    OrderStatus.JOIN_ORDERED: N_("Order received"),
    OrderStatus.AWAITING_ENGINEER: N_("Waiting for an engineer"),
    OrderStatus.ENGINEER_ASSIGNED: N_("Engineer assigned"),
    OrderStatus.INSTALLATION_REQUESTED: N_("Waiting for the engineer's answer"),
    OrderStatus.INSTALLATION_ACCEPTED: N_("Visit confirmed"),
    OrderStatus.AWAITING_RESCHEDULE: N_("Needs a new time"),
    OrderStatus.JOIN_COMPLETED: N_("Completed"),
    OrderStatus.CANCEL_ORDERED: N_("Being canceled"),
    OrderStatus.ORDER_CANCELED: N_("Canceled"),
}
TONE: Mapping[str, str] = {
    OrderStatus.JOIN_ORDERED: "moving",
    OrderStatus.AWAITING_ENGINEER: "waiting",
    OrderStatus.ENGINEER_ASSIGNED: "moving",
    OrderStatus.INSTALLATION_REQUESTED: "moving",
    OrderStatus.INSTALLATION_ACCEPTED: "good",
    OrderStatus.AWAITING_RESCHEDULE: "alert",
    OrderStatus.JOIN_COMPLETED: "done",
    OrderStatus.CANCEL_ORDERED: "waiting",
    OrderStatus.ORDER_CANCELED: "ended",
}
"""Color of a badge. It only repeats what the text says."""
EVENT: Mapping[str, str] = {
    Event.JOIN_ORDERED: N_("The order was received"),
    Event.ENGINEER_AWAITED: N_("No engineer is free yet"),
    Event.ORDER_ACCEPTED: N_("An engineer was assigned"),
    Event.ENGINEER_REASSIGNED: N_("Another engineer was assigned"),
    Event.INSTALLATION_REQUESTED: N_("The engineer was asked to come"),
    Event.INSTALLATION_ACCEPTED: N_("The engineer confirmed the visit"),
    Event.INSTALLATION_DECLINED: N_("The engineer cannot come"),
    Event.INSTALLATION_UNANSWERED: N_("The engineer did not answer"),
    Event.VISIT_RESCHEDULED: N_("The visit was moved"),
    Event.VISIT_LOST: N_("The visit cannot take place as planned"),
    Event.INSTALLATION_STARTED: N_("The engineer began the installation"),
    Event.INSTALLATION_INCOMPLETE: N_("The installation could not be finished"),
    Event.INSTALLATION_COMPLETED: N_("The installation was completed"),
    Event.JOIN_COMPLETED: N_("The order was completed"),
    Event.CANCEL_ORDERED: N_("The cancellation was requested"),
    Event.INSTALLATION_CANCELED: N_("The installation was canceled"),
    Event.ORDER_CANCELED: N_("The order was canceled"),
    Event.ORDER_CANCEL_REJECTED: N_("The cancellation came too late"),
    Event.ATTENTION_ACKNOWLEDGED: N_("A member of staff is looking after the order"),
    Event.PERSONAL_DATA_ERASED: N_("The personal data were erased"),
}
REASON: Mapping[str, str] = {
    AttentionReason.NO_SERVICE_AREA: N_("The address is outside of our service areas"),
    AttentionReason.AMBIGUOUS_ADDRESS: N_("The address could be in several regions"),
    AttentionReason.NO_ENGINEER: N_("No engineer was found"),
    AttentionReason.NO_CAPACITY: N_("No engineer is free"),
    AttentionReason.VISIT_LOST: N_("The engineer of the visit is absent"),
    AttentionReason.VISIT_FAILED: N_("The visit did not succeed"),
    AttentionReason.VISIT_UNREPORTED: N_("The visit was not reported"),
    AttentionReason.ORDER_CLOSED_ELSEWHERE: N_("The order was ended from outside"),
    AttentionReason.MANAGEMENT_CENTER_UNAVAILABLE: N_("The management center does not answer"),
    AttentionReason.INSTALLATION_UNAVAILABLE: N_("The installation system does not answer"),
    AttentionReason.WORKFLOW_LOST: N_("The order's process was lost"),
}
REGION: Mapping[str, str] = {
    "KR-11": N_("Seoul"),
    "KR-26": N_("Busan"),
    "KR-27": N_("Daegu"),
    "KR-28": N_("Incheon"),
    "KR-29": N_("Gwangju"),
    "KR-30": N_("Daejeon"),
    "KR-31": N_("Ulsan"),
    "KR-41": N_("Gyeonggi"),
    "KR-42": N_("Gangwon"),
    "KR-43": N_("North Chungcheong"),
    "KR-44": N_("South Chungcheong"),
    "KR-45": N_("North Jeolla"),
    "KR-46": N_("South Jeolla"),
    "KR-47": N_("North Gyeongsang"),
    "KR-48": N_("South Gyeongsang"),
    "KR-49": N_("Jeju"),
    "KR-50": N_("Sejong"),
}
ACTOR: Mapping[str, str] = {
    "customer": N_("Customer"),
    "engineer": N_("Engineer"),
    "manager": N_("Service manager"),
    "service": N_("Program"),
    "tracker": N_("Customer, by link"),
    "operator": N_("Operator"),
    "system": N_("System"),
}
_KINDS: Mapping[str, Mapping[str, str]] = {
    "status": STATUS,
    "event": EVENT,
    "reason": REASON,
    "region": REGION,
    "actor": ACTOR,
}


def labeler(texts: Texts) -> Callable[[str, str], str]:
    """Return the function that templates call with the kind and the value of a code."""

    def label(kind: str, code: str) -> str:
        """Return the text for a code. One of a newer release is shown as it is."""
        known = _KINDS[kind].get(code)
        return texts(known) if known else code

    return label


def actor(name: str, texts: Texts) -> str:
    """Return what an actor of the API (`role:id`) is called."""
    role, _, subject = name.partition(":")
    if role == "anonymous":
        return texts("Nobody who was signed in")
    known = ACTOR.get(role)
    return f"{texts(known)} {subject}".strip() if known else name


def tone(status: str) -> str:
    """Return the color of the badge of a status."""
    return TONE.get(status, "moving")
