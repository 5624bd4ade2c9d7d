"""Dependencies of the order routes."""

from typing import Annotated

from api.dependencies import provided
from api.orders.client import OrderWorkflowClient

Orders = Annotated[OrderWorkflowClient, provided(OrderWorkflowClient)]
