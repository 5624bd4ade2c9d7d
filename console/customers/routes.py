"""The customer's routes."""

from collections.abc import Sequence

from console.customers.calendar_file import download_visit
from console.customers.canceling import ask_cancel, cancel
from console.customers.listing import show_orders
from console.customers.order import follow_order, show_order
from console.customers.ordering import choose_product, choose_time, place
from console.customers.rescheduling import ask_reschedule, reschedule
from console.routing import CUSTOMER, TRACKER, Entry, Route
from console.texts import N_

ROUTES: Sequence[Route] = (
    Route("GET", "/orders", CUSTOMER, show_orders, Entry(N_("My orders"), "list", start=True)),
    Route("POST", "/orders", CUSTOMER, place),
    Route("GET", "/orders/new", CUSTOMER, choose_product, Entry(N_("Order"), "plus")),
    Route("POST", "/orders/new", CUSTOMER, choose_time),
    Route("GET", "/orders/{orderId}", CUSTOMER | TRACKER, show_order),
    Route("GET", "/orders/{orderId}/live", CUSTOMER, follow_order),
    Route("GET", "/orders/{orderId}/reschedule", CUSTOMER | TRACKER, ask_reschedule),
    Route("POST", "/orders/{orderId}/reschedule", CUSTOMER | TRACKER, reschedule),
    Route("GET", "/orders/{orderId}/cancel", CUSTOMER | TRACKER, ask_cancel),
    Route("POST", "/orders/{orderId}/cancel", CUSTOMER | TRACKER, cancel),
    Route("GET", "/orders/{orderId}/visit.ics", CUSTOMER | TRACKER, download_visit),
)
