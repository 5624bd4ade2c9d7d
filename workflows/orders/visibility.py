"""What Temporal's Web UI shows of an order. None of it is personal."""

from temporalio.common import (
    SearchAttributeKey,
    SearchAttributePair,
    SearchAttributeUpdate,
    TypedSearchAttributes,
)

from domain.common import search_attributes as names
from domain.common.actors import without_customer
from domain.common.texts import PlainText
from domain.orders import Order, search_attributes

ORDER_STATUS = SearchAttributeKey.for_keyword(names.ORDER_STATUS)
REGION = SearchAttributeKey.for_keyword(names.REGION)
ENGINEER_ID = SearchAttributeKey.for_keyword(names.ENGINEER_ID)
ATTENTION = SearchAttributeKey.for_keyword(names.ATTENTION)
SEARCH_ATTRIBUTES = (ORDER_STATUS, REGION, ENGINEER_ID, ATTENTION)

_LONGEST_NAME = 60
"""Characters. Temporal limits a summary to 400 bytes."""
_KOREAN = {
    "JOIN_ORDERED": "가입신청",
    "AWAITING_ENGINEER": "기사 배정 대기",
    "ENGINEER_ASSIGNED": "기사 배정",
    "INSTALLATION_REQUESTED": "설치 요청",
    "INSTALLATION_ACCEPTED": "설치 수락",
    "AWAITING_RESCHEDULE": "방문 일정 변경 대기",
    "JOIN_COMPLETED": "가입 완료",
    "CANCEL_ORDERED": "취소 신청",
    "ORDER_CANCELED": "취소 완료",
    "JoinOrdered": "가입신청",
    "EngineerAwaited": "기사 배정 대기",
    "OrderAccepted": "기사 배정",
    "EngineerReassigned": "기사 재배정",
    "InstallationRequested": "설치 요청",
    "InstallationAccepted": "설치 수락",
    "InstallationDeclined": "설치 거절",
    "InstallationUnanswered": "기사 무응답",
    "VisitRescheduled": "방문 일정 변경",
    "VisitLost": "방문 취소",
    "InstallationStarted": "설치 시작",
    "InstallationIncomplete": "설치 미완료",
    "InstallationCompleted": "설치 완료",
    "JoinCompleted": "가입 완료",
    "CancelOrdered": "취소 신청",
    "InstallationCanceled": "설치 취소",
    "OrderCanceled": "취소 완료",
    "OrderCancelRejected": "취소 거절",
    "AttentionAcknowledged": "담당자 확인",
}


def first_attributes(order: Order) -> TypedSearchAttributes:
    """Return the search attributes with which an order is started."""
    return TypedSearchAttributes([SearchAttributePair(ORDER_STATUS, order.status.value)])


def summary(order: Order) -> PlainText:
    """Return one line about an order, in Temporal's Markdown. Text from clients can add neither formats nor links."""
    product = "".join(sign for sign in order.product_name[:_LONGEST_NAME] if sign.isalnum() or sign in " .,-+/")
    return PlainText(f"가입신청 · Order · {product}")


def attributes(order: Order) -> dict[SearchAttributeKey[str], str | None]:
    """Return the current search attributes of an order."""
    values = search_attributes(order)
    return {key: values[key.name] for key in SEARCH_ATTRIBUTES}


def changes(shown: dict[SearchAttributeKey[str], str | None], order: Order) -> list[SearchAttributeUpdate[str]]:
    """Return the updates that bring the published attributes up to date."""
    return [
        key.value_unset() if value is None else key.value_set(value)
        for key, value in attributes(order).items()
        if value != shown.get(key)
    ]


def details(order: Order) -> str:
    """Return the order's facts and history in Markdown."""
    facts = [
        ("상태 · Status", _named(order.status.value)),
        ("지역 · Region", order.region),
        ("설치기사 · Engineer", order.engineer_id),
        ("방문 · Visit", order.visit and f"{order.visit.start:%F %R} – {order.visit.end:%R} UTC"),
        ("확인 필요 · Attention", order.attention and f"{order.attention.reason} ({order.attention.since:%F %T} UTC)"),
    ]
    # Lists, because the Web UI puts no space between the cells of a table.
    lines = [f"- **{name}**: {value}" for name, value in facts if value]
    lines += ["", "**경과 · History** (UTC)", ""]
    lines += [
        f"1. {entry.at:%F %T} — {_named(entry.event)} — `{without_customer(entry.by).replace('`', '')}`"
        for entry in order.history
    ]
    return "\n".join(lines)


def _named(word: str) -> str:
    return f"{_KOREAN[word]} · {word}" if word in _KOREAN else word
