"""The customer's routes."""

from collections.abc import Sequence

from console.customers.calendar_file import download_visit
from console.customers.canceling import ask_cancel, cancel
from console.customers.listing import show_orders
from console.customers.order import follow_order, show_order
from console.customers.ordering import choose_product, choose_time, place
from console.customers.rescheduling import ask_reschedule, reschedule
from console.routing import CUSTOMER, Entry, Route
from console.texts import N_

ROUTES: Sequence[Route] = (
    Route("GET", "/orders", CUSTOMER, show_orders, Entry(N_("My orders"), "list", start=True)),
    Route("POST", "/orders", CUSTOMER, place),
    Route("GET", "/orders/new", CUSTOMER, choose_product, Entry(N_("Order"), "plus")),
    Route("POST", "/orders/new", CUSTOMER, choose_time),
    Route("GET", "/orders/{orderId}", CUSTOMER, show_order),
    Route("GET", "/orders/{orderId}/live", CUSTOMER, follow_order),
    Route("GET", "/orders/{orderId}/reschedule", CUSTOMER, ask_reschedule),
    Route("POST", "/orders/{orderId}/reschedule", CUSTOMER, reschedule),
    Route("GET", "/orders/{orderId}/cancel", CUSTOMER, ask_cancel),
    Route("POST", "/orders/{orderId}/cancel", CUSTOMER, cancel),
    Route("GET", "/orders/{orderId}/visit.ics", CUSTOMER, download_visit),
)
