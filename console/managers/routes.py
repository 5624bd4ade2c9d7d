"""The routes of the managers' pages."""

from collections.abc import Sequence

from console.managers.acknowledging import acknowledge
from console.managers.assigning import ask_assign, assign
from console.managers.attention import show_attention
from console.managers.board import show_board, show_counts
from console.managers.canceling import ask_cancel, cancel
from console.managers.live import follow
from console.managers.order import show_order
from console.managers.rescheduling import ask_reschedule, reschedule
from console.managers.searching import ask_search, search
from console.routing import MANAGER, Entry, Route
from console.texts import N_

ROUTES: Sequence[Route] = (
    Route("GET", "/board", MANAGER, show_board, Entry(N_("Board"), "board", start=True)),
    Route("GET", "/board/counts", MANAGER, show_counts),
    Route("GET", "/board/live", MANAGER, follow),
    Route("GET", "/attention", MANAGER, show_attention, Entry(N_("Needs attention"), "alert")),
    Route("GET", "/search", MANAGER, ask_search, Entry(N_("Search"), "search")),
    Route("POST", "/search", MANAGER, search),
    Route("GET", "/orders/{orderId}", MANAGER, show_order),
    Route("POST", "/orders/{orderId}/acknowledge", MANAGER, acknowledge),
    Route("GET", "/orders/{orderId}/assign", MANAGER, ask_assign),
    Route("POST", "/orders/{orderId}/assign", MANAGER, assign),
    Route("GET", "/orders/{orderId}/reschedule", MANAGER, ask_reschedule),
    Route("POST", "/orders/{orderId}/reschedule", MANAGER, reschedule),
    Route("GET", "/orders/{orderId}/cancel", MANAGER, ask_cancel),
    Route("POST", "/orders/{orderId}/cancel", MANAGER, cancel),
)
