"""Names of the search attributes by which Temporal lists orders. None of their values is personal."""

ORDER_STATUS = "OrderStatus"
REGION = "Region"
ENGINEER_ID = "EngineerId"
ATTENTION = "Attention"

ALL = (ORDER_STATUS, REGION, ENGINEER_ID, ATTENTION)
