"""What the people who watch Temporal's Web UI see of an order: search attributes, and its story in Markdown."""

from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from domain.orders import Order

ORDER_STATUS = SearchAttributeKey.for_keyword("OrderStatus")
REGION = SearchAttributeKey.for_keyword("Region")
ENGINEER_ID = SearchAttributeKey.for_keyword("EngineerId")
ATTENTION = SearchAttributeKey.for_keyword("Attention")
SEARCH_ATTRIBUTES = (ORDER_STATUS, REGION, ENGINEER_ID, ATTENTION)


def first_attributes(order: Order) -> TypedSearchAttributes:
    """The search attributes that an order is started with."""
    return TypedSearchAttributes([SearchAttributePair(ORDER_STATUS, order.status.value)])
