"""The routes of the pages about event subscriptions."""

from collections.abc import Sequence

from console.event_subscriptions import acting, asking, attempts, details, editing, listing, moving, secret
from console.event_subscriptions.addresses import HELD, KEY, PATH
from console.managers.sections import REPORTS
from console.routing import MANAGER, Entry, Route
from console.texts import N_

_ONE = f"{PATH}/{{{KEY}}}"
_HELD = f"{_ONE}/held/{{{HELD}}}"

ROUTES: Sequence[Route] = (
    Route("GET", PATH, MANAGER, listing.show_list, Entry(N_("Event subscriptions"), within=REPORTS)),
    Route("GET", f"{PATH}/new", MANAGER, editing.ask_new),
    Route("POST", f"{PATH}/new", MANAGER, editing.add),
    Route("GET", _ONE, MANAGER, details.show_subscription),
    Route("GET", f"{_ONE}/attempts", MANAGER, attempts.show_attempts),
    Route("GET", f"{_ONE}/change", MANAGER, editing.ask_change),
    Route("POST", f"{_ONE}/change", MANAGER, editing.change),
    Route("POST", f"{_ONE}/ping", MANAGER, acting.ping),
    Route("POST", f"{_ONE}/pause", MANAGER, acting.pause),
    Route("GET", f"{_ONE}/resume", MANAGER, moving.ask_resume),
    Route("POST", f"{_ONE}/resume", MANAGER, moving.resume),
    Route("GET", f"{_ONE}/replay", MANAGER, moving.ask_replay),
    Route("POST", f"{_ONE}/replay", MANAGER, moving.replay),
    Route("GET", f"{_ONE}/secret", MANAGER, secret.ask_secret),
    Route("POST", f"{_ONE}/secret", MANAGER, secret.replace_secret),
    Route("GET", f"{_ONE}/delete", MANAGER, asking.ask_delete),
    Route("POST", f"{_ONE}/delete", MANAGER, asking.delete),
    Route("POST", f"{_HELD}/retry", MANAGER, acting.retry_held),
    Route("GET", f"{_HELD}/skip", MANAGER, asking.ask_skip),
    Route("POST", f"{_HELD}/skip", MANAGER, acting.skip_held),
)
