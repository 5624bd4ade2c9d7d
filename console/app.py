"""The app of the console: which pages it serves, and what happens to every request before and after them."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import chain
from traceback import format_tb

import httpx2
import structlog
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as Served

from console import account, assets, error_pages
from console.availability import API, Availability
from console.calendars import routes as calendars
from console.catalog import routes as catalog
from console.customers import routes as customers
from console.engineers import routes as engineers
from console.event_subscriptions import routes as event_subscriptions
from console.forms import bounded
from console.guard import Guard
from console.managers import routes as managers
from console.metrics import MetricsForOperators
from console.page_request import NotSignedIn, PageRequest
from console.planning import routes as planning
from console.rendering import renderer
from console.reports import routes as reports
from console.roles import Role
from console.routing import Route, RouteTable
from console.sealing import TooLargeForCookies, sealer
from console.service import ApiAway, Problem
from console.sessions import Draft, Flash, Session, SessionCookies
from console.settings import check, is_secure, session_keys, sign_in_of, url_of_api, url_of_console
from console.shared import Console
from console.sign_in.way import LOGIN, SignIn
from console.staff import routes as staff
from console.streams import Streams
from console.texts import N_
from console.tracking import routes as tracking
from console.tracking.opening import refuse_link
from observability.health import Health
from observability.http_metrics import RequestMetrics
from observability.request_tracing import traced
from observability.telemetry import SILENT, Telemetry
from runtime.settings import Settings

SUBJECTS = (
    account,
    customers,
    managers,
    planning,
    staff,
    calendars,
    catalog,
    event_subscriptions,
    reports,
    engineers,
    tracking,
)
"""The modules with pages. Each has its routes in `ROUTES`."""
_CONNECT_WITHIN = 2.0
MOST_API_CONNECTIONS = 200
"""The largest number of connections to the API, beside those of streams."""
_TOO_LONG_TO_KEEP = N_("Your session had ended, and what you entered was too long to be kept.")

_log = structlog.get_logger(__name__)


def create_app(
    settings: Settings, telemetry: Telemetry = SILENT, transport: httpx2.AsyncBaseTransport | None = None
) -> FastAPI:
    """Create the app. It starts whether the API can be reached or not.

    Args:
        settings: The settings.
        telemetry: Where traces go.
        transport: How the API is reached. Default: by `CONSOLE_API_URL`.

    Raises:
        InsecureConfiguration: people could not sign in safely.
    """
    check(settings)
    url, sign_in, files = url_of_console(settings), sign_in_of(settings), assets.read()
    secure = is_secure(settings)
    client = httpx2.AsyncClient(
        base_url=url_of_api(settings),
        transport=transport,
        timeout=httpx2.Timeout(None, connect=_CONNECT_WITHIN),
        limits=httpx2.Limits(max_connections=MOST_API_CONNECTIONS),
        trust_env=False,
    )
    availability = Availability(client)
    console = Console(
        settings,
        client,
        SessionCookies(sealer(session_keys(settings)), secure=secure),
        renderer(files, settings.visit_time_zone),
        availability,
        RouteTable(chain(sign_in.routes, *(subject.ROUTES for subject in SUBJECTS))),
        Streams(url_of_api(settings), transport),
        secure,
    )
    health = Health({API: availability.check})

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with client, console.streams.client:
            health.ready()
            yield
            health.stopping()
            await availability.close()

    app = FastAPI(
        title="console", lifespan=lifespan, openapi_url=None, redirect_slashes=False, telemetry=traced(telemetry)
    )
    app.state.console, app.state.health = console, health
    app.router.routes.append(files.route)
    app.include_router(health.router(), include_in_schema=False)
    for (method, path), routes in console.table.by_request.items():
        app.router.routes.append(Served(path, _endpoint(console, sign_in, routes), methods=[method]))
    app.add_exception_handler(HTTPException, _refused(console))
    app.add_middleware(GZipMiddleware, minimum_size=500)
    if settings.requires_authentication:
        app.add_middleware(MetricsForOperators, client=client)
    app.add_middleware(Guard, url=url, form_targets=sign_in.form_targets)
    app.add_middleware(RequestMetrics, registry=health.registry, name="console_request_seconds")
    return app


def _endpoint(console: Console, sign_in: SignIn, routes: list[Route]) -> Callable[[Request], Awaitable[Response]]:
    """Return what serves a path: the route of the person's widest role. Whatever happens, new tokens are kept."""

    async def endpoint(request: Request) -> Response:
        request.scope["route"] = routes[0]
        visit = PageRequest(Request(request.scope, bounded(request.receive)), console)
        # Pages that begin or end sessions do not renew them.
        renewed = await _renew(visit, sign_in) if routes[0].roles or routes[0].renews else None
        try:
            response = await _serve(visit, routes)
        except Exception as error:  # noqa: BLE001 - every error has a page
            response = await _page_of(visit, error)
        if renewed is not None:
            _keep(visit, response, renewed)
        return response

    return endpoint


async def _page_of(visit: PageRequest, error: Exception) -> Response:
    """Return the page that says what has happened."""
    if isinstance(error, HTTPException):
        return await error_pages.of_refusal(visit, error)
    if isinstance(error, Problem):
        return await error_pages.of_problem(visit, error)
    if isinstance(error, ApiAway):
        _log.warning("the API does not answer", error=str(error))
        return await error_pages.of_silence(visit)
    # Without the error's text, which may contain what somebody has entered.
    _log.error("a page failed", error=type(error).__qualname__, at="".join(format_tb(error.__traceback__)))
    return await error_pages.of_status(visit, 500)


def _keep(visit: PageRequest, response: Response, renewed: Session) -> None:
    try:
        visit.console.cookies.sign_in(response, renewed, visit.cookies)
    except TooLargeForCookies:
        # What was asked for is done. The person signs in again once the old token has ended.
        _log.error("the provider's new tokens do not fit into cookies")


async def _renew(visit: PageRequest, sign_in: SignIn) -> Session | None:
    """Give the request a session with a newer token, if it is time for one, and return that.

    A session whose token has ended may be renewed, too.
    """
    session = visit.console.cookies.session_in(visit.cookies)
    renewed = await sign_in.renewed(visit, session) if session else None
    if renewed is not None:
        visit.session = renewed
    return renewed


async def _serve(visit: PageRequest, routes: list[Route]) -> Response:
    try:
        return await _handled(visit, routes)
    except NotSignedIn:
        return await _ask_to_sign_in(visit)
    except Problem as problem:
        if problem.status != 401:
            raise
        return await _ask_to_sign_in(visit)


async def _handled(visit: PageRequest, routes: list[Route]) -> Response:
    if not routes[0].roles:
        return await routes[0].handler(visit)
    roles = frozenset().union(*(route.roles for route in routes))
    if Role.TRACKER in roles:
        visit.follow_link()
    role = visit.person.role_in(roles)
    if role is None:
        return await error_pages.of_status(visit, 403)
    [route] = [route for route in routes if role in route.roles]
    response = await route.handler(visit)
    if route.method == "POST":
        visit.console.cookies.draft_was_sent(response, visit.cookies, visit.path)
    return response


async def _ask_to_sign_in(visit: PageRequest) -> Response:
    """Lead to the sign-in, and from there back: to the page, or to what was sent, which is kept meanwhile.

    A script gets 401: it cannot follow to the provider, and what it sends is kept in the page. Whoever has a tracking
    link that does not open the order any more is told so: they may have no account.
    """
    if not visit.navigates:
        return Response(status_code=401)
    if visit.session and visit.session.is_of_link:
        return refuse_link(visit)
    cookies = visit.console.cookies
    if visit.request.method in ("GET", "HEAD"):
        return visit.redirect(_login(visit.address))
    ended = cookies.session_in(visit.cookies)
    fields = [(name, text) for name, text in (await visit.form_data()).multi_items() if isinstance(text, str)]
    draft = Draft(visit.path, fields, ended.subject if ended else "")
    response = visit.redirect(_login(account.RESUME))
    try:
        cookies.keep(response, draft)
    except TooLargeForCookies:
        cookies.keep(response, Flash(visit.texts(_TOO_LONG_TO_KEEP), "refused"))
    return response


def _login(target: str) -> str:
    return str(httpx2.URL(LOGIN, params={"next": target}))


def _refused(console: Console) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def refused(request: Request, error: Exception) -> Response:
        return await _page_of(PageRequest(request, console), error)

    return refused
