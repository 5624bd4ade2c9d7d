"""Service areas, engineers and assignments (서비스관리센터)."""

from typing import Annotated

from pydantic import Field, StrictBool

from api.schemas.common import Id, Region, Sent, Shown, Text, Time, unchanged

Matches = Annotated[list[Text], Field(min_length=1, max_length=100, description="Beginnings of words of an address")]


class NewServiceArea(Sent):
    """A part of the country that engineers are to serve."""

    region: Region
    name: Text
    local_name: Text
    matches: Matches


class ServiceAreaChange(Sent):
    """What is to be different in a service area."""

    region: Region = unchanged()
    name: Text = unchanged()
    local_name: Text = unchanged()
    matches: Matches = unchanged()


class ServiceAreaShown(Shown):
    """A part of the country that engineers serve."""

    service_area_id: str
    region: str
    name: str
    local_name: str
    matches: list[str]


class NewEngineer(Sent):
    """An installation engineer who is to take orders."""

    name: Text
    region: Region
    active: StrictBool = True


class EngineerChange(Sent):
    """What is to be different about an engineer."""

    name: Text = unchanged()
    region: Region = unchanged()
    active: StrictBool = unchanged()


class EngineerShown(Shown):
    """An installation engineer (설치기사)."""

    engineer_id: str
    name: str
    region: str
    active: bool


class NewAssignment(Sent):
    """A manager's choice of an engineer for an order."""

    engineer_id: Id


class AssignmentShown(Shown):
    """Who is to install an order, and why."""

    order_id: str
    engineer_id: str
    engineer_name: str
    region: str
    round: int
    reason: str
    assigned_at: Time
    by: str
