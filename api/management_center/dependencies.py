"""Dependencies of the routes of this collection."""

from typing import Annotated

from fastapi import Path

from api.dependencies import provided
from api.http.fields import ID, Text
from api.management_center.retirement import RetiredEngineers
from stores.management_center.assignments import ManagementCenterStore

EngineerId = Annotated[str, Path(alias="engineerId", pattern=ID)]
ServiceAreaId = Annotated[str, Path(alias="serviceAreaId", pattern=ID)]
DayOffId = Annotated[str, Path(alias="dayOffId", pattern=ID)]
ProductId = Annotated[Text, Path(alias="productId")]

CenterStore = Annotated[ManagementCenterStore, provided(ManagementCenterStore)]
Retired = Annotated[RetiredEngineers, provided(RetiredEngineers)]
