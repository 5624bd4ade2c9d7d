"""The routes of tracking links. The pages that a link opens are those of customers."""

from collections.abc import Sequence

from console.routing import CUSTOMER, EVERYBODY, MANAGER, Route
from console.tracking.opening import LINKS, ask_open, close_link, open_link, show_links
from console.tracking.sharing import ask_share, share

ROUTES: Sequence[Route] = (
    Route("GET", LINKS, EVERYBODY, show_links, renews=True),
    Route("GET", f"{LINKS}/{{token}}", EVERYBODY, ask_open, renews=True),
    Route("POST", f"{LINKS}/{{token}}", EVERYBODY, open_link, renews=True),
    Route("POST", f"{LINKS}/close", EVERYBODY, close_link, renews=True),
    Route("GET", "/orders/{orderId}/link", CUSTOMER | MANAGER, ask_share),
    Route("POST", "/orders/{orderId}/link", CUSTOMER | MANAGER, share),
)
