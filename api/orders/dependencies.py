"""The way to the orders' workflows, as routes ask for it."""

from typing import Annotated

from api.dependencies import provided
from api.orders.client import OrderWorkflowClient

Orders = Annotated[OrderWorkflowClient, provided(OrderWorkflowClient)]
