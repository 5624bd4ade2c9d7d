"""Days off (휴무), extra shifts (추가 근무) and national holidays (공휴일)."""

from datetime import date, timedelta

from pydantic import Field, ValidationInfo, field_validator

from api.http.fields import Id, Region, RequestBody, ResponseBody, Text
from api.http.times import Day
from api.management_center.staff_schemas import Hours, HoursResponse

LONGEST_ENTRY = timedelta(days=366)


class CalendarEntryRequest(RequestBody):
    """Days of one engineer or of a region. Exactly one of `engineerId` and `region` is given."""

    engineer_id: Id | None = None
    region: Region | None = Field(None, validate_default=True)
    first_day: Day = Field(alias="from")
    last_day: Day | None = Field(None, alias="to", validate_default=True, description="The default is `from`")
    hours: Hours | None = Field(None, description="The part of each day")
    reason: Text | None = None

    @field_validator("region")
    @classmethod
    def _either(cls, region: str | None, info: ValidationInfo) -> str | None:
        if "engineer_id" in info.data and (region is None) == (info.data["engineer_id"] is None):
            raise ValueError("exactly one of `engineerId` and `region` has to be given")
        return region

    @field_validator("last_day")
    @classmethod
    def _in_order(cls, last_day: date | None, info: ValidationInfo) -> date | None:
        first_day: date | None = info.data.get("first_day")
        if first_day is None or last_day is None:
            return first_day
        if not first_day <= last_day < first_day + LONGEST_ENTRY:
            raise ValueError(f"must be at least `from`, and less than {LONGEST_ENTRY.days} days after it")
        return last_day


class CalendarEntryResponse(ResponseBody):
    """Days of an engineer, or of a region. Both days are included."""

    engineer_id: str | None
    region: str | None
    first_day: date = Field(alias="from")
    last_day: date = Field(alias="to")
    hours: HoursResponse | None
    reason: str | None


class DayOffRequest(CalendarEntryRequest):
    """Days off of one engineer, or of a region. Exactly one of `engineerId` and `region` is given."""

    hours: Hours | None = Field(None, description="The part of each day. The default is the whole day")


class DayOffResponse(CalendarEntryResponse):
    """Days off of an engineer, or of a region. Both days are included."""

    day_off_id: str


class ExtraShiftRequest(CalendarEntryRequest):
    """Extra work of one engineer or of a region. Exactly one of `engineerId` and `region` is given."""

    hours: Hours | None = Field(None, description="The hours of each day. The default is the engineer's own")


class ExtraShiftResponse(CalendarEntryResponse):
    """Extra work of an engineer or of a region, on days that may otherwise be off. Both days are included."""

    extra_shift_id: str


class HolidayResponse(ResponseBody):
    """A national holiday (공휴일). Substitute holidays are holidays, too."""

    date: date
    name: str
    local_name: str
