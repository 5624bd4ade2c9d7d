"""Extra shifts and national holidays."""

from datetime import date

from pydantic import Field

from api.http.fields import ResponseBody
from api.management_center.staff_schemas import CalendarEntryRequest, Hours, HoursResponse


class ExtraShiftRequest(CalendarEntryRequest):
    """Extra work of one engineer or of a region. Exactly one of `engineerId` and `region` is given."""

    hours: Hours | None = Field(None, description="The hours of each day. The default is the engineer's own")


class ExtraShiftResponse(ResponseBody):
    """Extra work of an engineer or of a region, on days that may otherwise be off. Both days are included."""

    extra_shift_id: str
    engineer_id: str | None
    region: str | None
    first_day: date = Field(alias="from")
    last_day: date = Field(alias="to")
    hours: HoursResponse | None
    reason: str | None


class HolidayResponse(ResponseBody):
    """A national holiday (공휴일). Substitute holidays are holidays, too."""

    date: date
    name: str
    local_name: str
