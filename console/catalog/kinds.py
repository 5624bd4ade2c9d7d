"""The two kinds of things in the catalog, products and service areas, with what their pages say."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from console.managers.center import CENTER
from console.paths import path_of
from console.texts import N_

Values = Mapping[str, str]
"""The fields of a form."""


@dataclass(frozen=True)
class Kind:
    """One kind of things. The texts are marked for translation."""

    path: str
    """Path of the list in the console."""
    api: str
    """Path of the list in the API."""
    key: str
    """Member with the id, and part of a path."""
    fields: Mapping[str, str]
    """What each field of the form is called, by its name."""
    required: Sequence[str]
    """Fields that must not be empty."""
    lines: str
    """The field that has one value in each line."""
    list_member: str
    """The API's member for that field. The other fields have the names of their members."""
    values_of: Callable[[Mapping[str, Any]], dict[str, str]]
    """Returns the fields for a thing of the API."""
    body_of: Callable[[Values], dict[str, Any]]
    """Returns the members of the API for fields, without the id."""
    title: str
    none: str
    limited: str
    """What a manager of some regions is told."""
    add: str
    added: str
    known: str
    """That the same thing was there before."""
    change: str
    effect: str
    """What a change does."""
    changed: str
    retire: str
    effect_of_retirement: str
    retired: str
    gone: str

    @property
    def new(self) -> str:
        """Path of the page on which one is added."""
        return f"{self.path}/new"

    def change_of(self, thing_id: str) -> str:
        """Return the path of the page on which one is changed."""
        return path_of(self.path, thing_id, "change")

    def retirement_of(self, thing_id: str) -> str:
        """Return the path of the page that asks whether to give one up."""
        return path_of(self.path, thing_id, "retire")

    def pointers(self, values: Values) -> dict[str, str]:
        """Return the fields by the JSON pointers of the API."""
        whole = f"/{self.list_member}"
        each = {f"{whole}/{at}": self.lines for at in range(len(lines_of(values, self.lines)))}
        return {f"/{name}": name for name in self.fields} | {whole: self.lines} | each


def lines_of(values: Values, name: str) -> list[str]:
    """Return the lines of a field that are not empty, each once."""
    lines = (line.strip() for line in values.get(name, "").splitlines())
    return list(dict.fromkeys(line for line in lines if line))


def _product_values(product: Mapping[str, Any]) -> dict[str, str]:
    return {
        "productId": product["productId"],
        "name": product["name"] or "",
        "localName": product["localName"] or "",
        "orderable": "1" if product["orderable"] else "",
        "skills": "\n".join(product["skills"]),
    }


def _product_body(values: Values) -> dict[str, Any]:
    return {
        "name": values.get("name") or None,
        "localName": values.get("localName") or None,
        "orderable": bool(values.get("orderable")),
        "skills": sorted(lines_of(values, "skills")),
    }


def _area_values(area: Mapping[str, Any]) -> dict[str, str]:
    return {name: area[name] for name in ("region", "name", "localName")} | {"words": "\n".join(area["matches"])}


def _area_body(values: Values) -> dict[str, Any]:
    texts = {name: values.get(name, "") for name in ("region", "name", "localName")}
    return texts | {"matches": lines_of(values, "words")}


PRODUCTS = Kind(
    "/products",
    f"{CENTER}/products",
    "productId",
    {
        "productId": N_("Product code"),
        "name": N_("English name"),
        "localName": N_("Korean name"),
        "orderable": N_("Offered to customers"),
        "skills": N_("Skills that the installation needs"),
    },
    required=(),
    lines="skills",
    list_member="skills",
    values_of=_product_values,
    body_of=_product_body,
    title=N_("Products"),
    none=N_("There is no product yet. Customers can order nothing on these pages until there is one."),
    limited=N_("Products belong to the whole country. Only managers of the whole country can change them."),
    add=N_("Add a product"),
    added=N_("The product is added."),
    known=N_("This product had been added already."),
    change=N_("Change the product"),
    effect=N_("Other skills count for visits that are booked from now on. Booked visits stay."),
    changed=N_("The product is changed."),
    retire=N_("Remove the product"),
    effect_of_retirement=N_(
        "Customers are offered it no more. Orders that were placed for it go on, and need no skills any more."
    ),
    retired=N_("The product is removed."),
    gone=N_("The product had been removed already."),
)
AREAS = Kind(
    "/service-areas",
    f"{CENTER}/serviceAreas",
    "serviceAreaId",
    {
        "region": N_("Region"),
        "name": N_("English name"),
        "localName": N_("Korean name"),
        # In a browser, a field called `matches` would take the place of the form's method of that name.
        "words": N_("Beginnings of words in an address"),
    },
    required=("name", "localName", "words"),
    lines="words",
    list_member="matches",
    values_of=_area_values,
    body_of=_area_body,
    title=N_("Service areas"),
    none=N_("There is no service area yet. Every order waits for somebody who assigns an engineer by hand."),
    limited=N_("Service areas belong to the whole country. Only managers of the whole country can change them."),
    add=N_("Add a service area"),
    added=N_("The service area is added. Orders that waited for it go on."),
    known=N_("This service area had been added already."),
    change=N_("Change the service area"),
    effect=N_("It counts for orders that are assigned from now on, also for those that wait. Assigned orders stay."),
    changed=N_("The service area is changed."),
    retire=N_("Give up the service area"),
    effect_of_retirement=N_(
        "New orders from addresses in it wait for somebody who assigns an engineer by hand. Assigned orders stay."
    ),
    retired=N_("The service area is given up."),
    gone=N_("The service area had been given up already."),
)
