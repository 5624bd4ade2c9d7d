"""The routes of the catalog's pages."""

from collections.abc import Sequence

from console.catalog import editing, retiring
from console.catalog.kinds import AREAS, PRODUCTS, Kind
from console.catalog.listing import showing
from console.managers.sections import REPORTS
from console.routing import MANAGER, Entry, Route


def _routes_of(kind: Kind, template: str, placeholder: str) -> Sequence[Route]:
    change, retirement = (f"{kind.path}/{{{placeholder}}}/{act}" for act in ("change", "retire"))
    return (
        Route("GET", kind.path, MANAGER, showing(kind, template), Entry(kind.title, within=REPORTS)),
        Route("GET", kind.new, MANAGER, editing.asking_new(kind)),
        Route("POST", kind.new, MANAGER, editing.adding(kind)),
        Route("GET", change, MANAGER, editing.asking_change(kind)),
        Route("POST", change, MANAGER, editing.changing(kind)),
        Route("GET", retirement, MANAGER, retiring.asking(kind)),
        Route("POST", retirement, MANAGER, retiring.retiring(kind)),
    )


ROUTES: Sequence[Route] = (
    # An id from another system may contain a `/`.
    *_routes_of(PRODUCTS, "catalog/products.html", "productId:path"),
    *_routes_of(AREAS, "catalog/areas.html", "serviceAreaId"),
)
