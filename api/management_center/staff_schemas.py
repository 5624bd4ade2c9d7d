"""Service areas, engineers, and products (인력)."""

from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, StrictBool, model_validator

from api.http.fields import Identifier, Region, RequestBody, ResponseBody, Text, Word, unchanged
from api.http.idempotency import fingerprint_of
from api.http.times import GivenTimeOfDay, TimeOfDay
from domain.management_center.staff import Weekday, WorkingHours


def _each_once(values: list[Any]) -> list[Any]:
    return list(dict.fromkeys(values))


def _without_repetition(values: list[Any]) -> list[Any]:
    if len(set(values)) < len(values):
        raise ValueError("must not contain a day twice")
    return values


Matches = Annotated[list[Text], Field(min_length=1, max_length=100, description="Prefixes of words in an address")]
Skills = Annotated[list[Word], Field(max_length=50), AfterValidator(_each_once)]
WorkingDays = Annotated[
    list[Weekday],
    Field(max_length=len(Weekday), json_schema_extra={"uniqueItems": True}),
    AfterValidator(_without_repetition),
]
VisitsPerWindow = Annotated[
    int | None, Field(strict=True, ge=1, le=100, description="`null`: the default of the booking rules")
]


class ServiceAreaRequest(RequestBody):
    """A new service area: a part of the country that engineers serve."""

    region: Region
    name: Text
    local_name: Text
    matches: Matches

    def fingerprint(self) -> str:
        """Return a hash that is equal for two bodies only if they say the same."""
        return fingerprint_of(dict(self))


class ServiceAreaChange(RequestBody):
    """Changes of a service area."""

    region: Region = unchanged()
    name: Text = unchanged()
    local_name: Text = unchanged()
    matches: Matches = unchanged()


class ServiceAreaResponse(ResponseBody):
    """A service area: a part of the country that engineers serve."""

    service_area_id: str
    region: str
    name: str
    local_name: str
    matches: list[str]


class HoursRequest(RequestBody):
    """Hours of a day, in local time."""

    start: GivenTimeOfDay = Field(alias="from")
    end: GivenTimeOfDay = Field(alias="until")

    @model_validator(mode="after")
    def _end_after_start(self) -> Self:
        if self.start >= self.end:
            raise ValueError("`until` must be after `from`")
        return self

    def as_hours(self) -> WorkingHours:
        """Return the working hours of the domain."""
        return WorkingHours(self.start, self.end)


Hours = Annotated[HoursRequest, AfterValidator(HoursRequest.as_hours)]


class Calendar(RequestBody):
    """The skills and working times of an engineer. The defaults are in `domain.management_center.staff`."""

    skills: Skills = unchanged()
    working_days: WorkingDays = unchanged()
    working_hours: Hours = unchanged()
    visits_per_window: VisitsPerWindow = unchanged()


class EngineerRequest(Calendar):
    """A new installation engineer."""

    name: Text
    region: Region
    active: StrictBool = True

    def fingerprint(self) -> str:
        """Return a hash that is equal for two bodies only if they say the same."""
        return fingerprint_of({name: value for name, value in self.members_sent().items() if value is not None})


class EngineerChange(Calendar):
    """Changes of an engineer."""

    name: Text = unchanged()
    region: Region = unchanged()
    active: StrictBool = unchanged()


class HoursResponse(ResponseBody):
    """Hours of a day, in local time."""

    start: TimeOfDay = Field(alias="from")
    end: TimeOfDay = Field(alias="until")


class EngineerResponse(ResponseBody):
    """An installation engineer (설치기사)."""

    engineer_id: str
    name: str
    region: str
    active: bool
    skills: list[str]
    working_days: list[Weekday]
    working_hours: HoursResponse
    visits_per_window: int | None


class ProductRequest(RequestBody):
    """A new product."""

    product_id: Identifier
    name: Text | None = None
    local_name: Text | None = None
    orderable: StrictBool = Field(True, description="Whether customers are offered the product")
    skills: Skills = Field(default_factory=list, description="The skills that its installation needs")


class ProductChange(RequestBody):
    """Changes of a product."""

    name: Text | None = unchanged()
    local_name: Text | None = unchanged()
    orderable: StrictBool = unchanged()
    skills: Skills = unchanged()


class ProductOffer(ResponseBody):
    """A product as customers see it."""

    product_id: str
    name: str | None
    local_name: str | None
    orderable: bool


class ProductResponse(ProductOffer):
    """A product, and the skills that its installation needs."""

    skills: list[str]
