"""The management centre's part in the saga."""

from dataclasses import dataclass

from temporalio import activity

from domain.management_center import (
    ASSIGN_ENGINEER,
    CLOSE_ASSIGNMENT,
    AssignEngineer,
    AssignmentOutcome,
    CloseAssignment,
)
from stores.management_center import ManagementCenterStore


@dataclass(frozen=True)
class ManagementCenterActivities:
    """Refusals are values; an exception is an outage, and the saga tries again."""

    store: ManagementCenterStore

    @activity.defn(name=ASSIGN_ENGINEER.name)
    async def assign_engineer(self, asked: AssignEngineer) -> AssignmentOutcome:
        """Decide a round of asking."""
        return await self.store.assign_engineer(asked)

    @activity.defn(name=CLOSE_ASSIGNMENT.name)
    async def close_assignment(self, asked: CloseAssignment) -> None:
        """Free the order's engineer for good."""
        await self.store.close_assignment(asked)
