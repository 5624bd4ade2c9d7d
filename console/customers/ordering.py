"""Ordering, in two pages: first what and where, then when and for whom.

What was entered travels in the forms until the order is placed. The second form carries a key, so that the order is
placed once, however often the form is sent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.responses import Response

from console import labels
from console.customers.calls import (
    FreeTimes,
    Offer,
    Product,
    chosen_elsewhere,
    latest_order,
    offer,
    place_order,
    times_for,
)
from console.forms import Form, form_key, missing, refused
from console.page_request import PageRequest
from console.service import ApiAway, Problem
from console.sessions import Flash
from console.texts import N_

_FIELDS = {
    "/productId": "product",
    "/productName": "product",
    "/installationAddress": "address",
    "/address": "address",
    "/customerName": "name",
    "/contactPhone": "phone",
    "/note": "note",
    "/preferredVisit": "visit",
}
"""Fields of the forms by JSON pointer."""
_FIRST = ("product", "address")
_EARLIEST = "earliest"
"""The choice of no certain time."""
_CARRIED = ("name", "phone", "note", "key")
"""Fields of the second page, which the first one carries along when somebody goes back. A time is of one address."""
_FEWEST_DIGITS = 7
"""Of a telephone number that somebody can call."""
_PLACED = N_("Your order was received. We will now find an engineer for you.")
_PLACED_BEFORE = N_("Your order was already received. This is how it stands.")


@dataclass(frozen=True)
class ProductPage:
    """The first page: what and where."""

    offer: Offer
    form: Form
    carried: Mapping[str, str]


@dataclass(frozen=True)
class TimePage:
    """The second page: when and for whom."""

    product_id: str
    product_name: str
    """Empty: it is not known now."""
    address: str
    key: str
    times: FreeTimes
    regions: Sequence[str]
    """Names of the regions in question, if the address is ambiguous."""
    form: Form
    chosen: str | None
    """The chosen time, if it is not among those that are shown."""
    placed: str | None = None
    """Path of the order that was placed with this key and other entries, if there is one."""


async def choose_product(visit: PageRequest) -> Response:
    """Show the first page."""
    return await _first_page(visit, Form())


async def choose_time(visit: PageRequest) -> Response:
    """Show the second page, or the first one again."""
    fields = await visit.form()
    if fields.get("back"):
        return await _first_page(visit, Form(fields))
    if form := _without_first(visit, fields):
        return await _first_page(visit, form, 422)
    if "name" not in fields:
        fields = {"visit": _EARLIEST} | _contact_of(await latest_order(visit)) | fields
    try:
        return await _second_page(visit, Form(fields))
    except Problem as problem:
        if problem.status != 422:
            raise
        return await _first_page(visit, refused(problem, fields, visit.texts, _FIELDS), 422)


async def place(visit: PageRequest) -> Response:
    """Place the order."""
    fields = await visit.form()
    if form := _without_first(visit, fields):
        return await _first_page(visit, form, 422)
    if form := _without_second(visit, fields):
        return await _second_page(visit, form, 422)
    key = form_key(fields)
    body = {
        "productId": fields["product"],
        "productName": await _name_of(visit, fields) or fields["product"],
        "installationAddress": fields["address"],
        "customerId": visit.person.subject,
        "customerName": fields["name"],
        "contactPhone": fields["phone"],
        "note": fields.get("note") or None,
        "preferredVisit": None if fields["visit"] == _EARLIEST else fields["visit"],
    }
    try:
        answer = await place_order(visit.api, body, key)
    except Problem as problem:
        if problem.status == 401:
            raise
        return await _refused(visit, problem, fields | {"key": key})
    except ApiAway as error:
        return await _refused(visit, error, fields | {"key": key})
    text = _PLACED if answer.status == 201 else _PLACED_BEFORE
    return visit.redirect(f"/orders/{answer.body['orderId']}", Flash(visit.texts(text)))


async def _refused(visit: PageRequest, error: Problem | ApiAway, fields: Mapping[str, str]) -> Response:
    """Return the form again. If the key belongs to an order, that is what is left to look at."""
    form = refused(error, fields, visit.texts, _FIELDS)
    if any(name in form.errors for name in _FIRST):
        return await _first_page(visit, form, 422)
    status = error.status if isinstance(error, Problem) else 503
    reused = isinstance(error, Problem) and error.slug == "idempotency-key-reused"
    # Whoever got no answer has waited long enough, and the windows would have no answer either.
    times = FreeTimes(known=False) if isinstance(error, ApiAway) else None
    return await _second_page(visit, form, status, placed="/orders" if reused else None, times=times)


async def _first_page(visit: PageRequest, form: Form, status: int = 200) -> Response:
    carried = {name: form.values[name] for name in _CARRIED if form.values.get(name)}
    try:
        offered = await offer(visit)
    except (Problem, ApiAway):
        if not (chosen := form.value("product")):
            raise
        offered = Offer([Product(chosen, form.value("productName") or chosen)])
    return await visit.page("customers/product.html", ProductPage(offered, form, carried), status)


async def _second_page(
    visit: PageRequest,
    form: Form,
    status: int = 200,
    *,
    placed: str | None = None,
    times: FreeTimes | None = None,
) -> Response:
    fields = form.values
    product_id, address = fields["product"], fields["address"]
    times = times or await times_for(visit, address, product_id, fields.get("from"))
    page = TimePage(
        product_id,
        await _name_of(visit, fields),
        address,
        # With another body, the same key would be refused.
        form_key({} if placed else fields),
        times,
        [visit.texts(labels.REGION.get(code, code)) for code in times.regions],
        form,
        chosen_elsewhere(form.value("visit"), times, visit.texts),
        placed,
    )
    return await visit.page("customers/time.html", page, status)


def _without_first(visit: PageRequest, fields: Mapping[str, str]) -> Form | None:
    return missing(fields, ("address",), visit.texts, choices=("product",))


def _without_second(visit: PageRequest, fields: Mapping[str, str]) -> Form | None:
    if form := missing(fields, ("name", "phone"), visit.texts, choices=("visit",)):
        return form
    if sum(map(str.isdecimal, fields["phone"])) >= _FEWEST_DIGITS:
        return None
    errors = {"phone": visit.texts("Please enter a telephone number.")}
    return Form(fields, errors, visit.texts("Some of what you entered cannot be accepted."))


async def _name_of(visit: PageRequest, fields: Mapping[str, str]) -> str:
    """Return the name of the product: the one that the form has. Else, in the language of the page, if it is known."""
    if name := fields.get("productName"):
        return name
    try:
        known = {product.product_id: product.name for product in (await offer(visit)).products}
    except (Problem, ApiAway):
        return ""
    return known.get(fields["product"], "")


def _contact_of(order: Mapping[str, str | None] | None) -> dict[str, str]:
    """Return name and telephone number of an earlier order, so that nobody has to enter them twice."""
    if order is None:
        return {}
    return {"name": order["customerName"] or "", "phone": order["contactPhone"] or ""}
