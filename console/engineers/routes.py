"""The routes of the engineers' pages."""

from collections.abc import Sequence

from console.engineers import day
from console.engineers.acting import acting, asking
from console.engineers.live import follow_day
from console.engineers.visit import show_visit
from console.routing import ENGINEER, Entry, Route
from console.texts import N_
from domain.installation import EngineerAction

ROUTES: Sequence[Route] = (
    Route("GET", day.PATH, ENGINEER, day.show_day, Entry(N_("My visits"), "calendar", start=True)),
    Route("GET", day.LIVE, ENGINEER, follow_day),
    Route("GET", "/visits/{orderId}", ENGINEER, show_visit),
    *(Route("GET", f"/visits/{{orderId}}/{action}", ENGINEER, asking(action)) for action in EngineerAction),
    *(Route("POST", f"/visits/{{orderId}}/{action}", ENGINEER, acting(action)) for action in EngineerAction),
)
