"""The way to the orders' workflows, as routes ask for it."""

from typing import Annotated

from api.dependencies import provided
from api.orders.client import Subscriptions

Orders = Annotated[Subscriptions, provided(Subscriptions)]
