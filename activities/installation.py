"""Activities of the installation context."""

from dataclasses import dataclass
from datetime import UTC, datetime

from temporalio import activity

from activities.common.serving import Part, Resources, carries_out
from domain.erasure import ERASE_INSTALLATIONS, CustomersOrders
from domain.installation import (
    ACCEPT_INSTALLATION,
    CANCEL_INSTALLATION,
    COMPLETE_INSTALLATION,
    DECLINE_INSTALLATION,
    INCOMPLETE_INSTALLATION,
    REQUEST_INSTALLATION,
    START_INSTALLATION,
    WITHDRAW_INSTALLATION,
    CancelInstallation,
    Installation,
    InstallationStatus,
    RecordAnswer,
    RequestInstallation,
)
from domain.order_status.reconciliation import (
    ADD_DETAILS,
    END_INSTALLATION,
    FIND_LACKING_DETAILS,
    FoundDetails,
    LackingDetails,
)
from stores.installation.details import InstallationDetailsStore
from stores.installation.installations import InstallationStore


@dataclass(frozen=True)
class InstallationActivities:
    """Activities of the order workflow. Refusals are return values; an exception is an outage, and is retried."""

    store: InstallationStore

    @carries_out(REQUEST_INSTALLATION)
    async def request(self, request: RequestInstallation) -> InstallationStatus:
        """Put the installation on the engineer's work list."""
        return await self.store.request(request, at=datetime.now(UTC))

    @carries_out(ACCEPT_INSTALLATION)
    async def accept(self, request: RecordAnswer) -> InstallationStatus:
        """Record that the engineer accepts."""
        return await self.store.accept(request)

    @carries_out(DECLINE_INSTALLATION)
    async def decline(self, request: RecordAnswer) -> InstallationStatus:
        """Record that the engineer declines or has not answered."""
        return await self.store.decline(request)

    @carries_out(START_INSTALLATION)
    async def start(self, request: RecordAnswer) -> InstallationStatus:
        """Record that the engineer has begun."""
        return await self.store.start(request)

    @carries_out(COMPLETE_INSTALLATION)
    async def complete(self, request: RecordAnswer) -> InstallationStatus:
        """Record the completion."""
        return await self.store.complete(request)

    @carries_out(INCOMPLETE_INSTALLATION)
    async def incomplete(self, request: RecordAnswer) -> InstallationStatus:
        """Record that the visit failed."""
        return await self.store.incomplete(request)

    @carries_out(WITHDRAW_INSTALLATION)
    async def withdraw(self, request: RecordAnswer) -> InstallationStatus:
        """Withdraw the installation from the engineer."""
        return await self.store.withdraw(request)

    @carries_out(CANCEL_INSTALLATION)
    async def cancel(self, request: CancelInstallation) -> None:
        """Cancel the installation in every round."""
        await self.store.cancel(request, at=datetime.now(UTC))

    @carries_out(ERASE_INSTALLATIONS)
    async def erase(self, request: CustomersOrders) -> None:
        """Erase the customers' data."""
        await self.store.erase(request.order_ids)

    @carries_out(END_INSTALLATION)
    async def end(self, request: CancelInstallation) -> Installation:
        """Cancel the installation if it is open, and return the newest one."""
        await self.cancel(request)
        return await self.store.newest(request.order_id)


@dataclass(frozen=True)
class InstallationDetailsActivities:
    """Activities of the reconciliation: details that installations of earlier releases lack."""

    store: InstallationDetailsStore

    @carries_out(FIND_LACKING_DETAILS)
    async def find_lacking(self, after: str) -> LackingDetails:
        """Find orders whose open installations lack details."""
        return LackingDetails(list(await self.store.lacking(after)))

    @carries_out(ADD_DETAILS)
    async def add_details(self, found: FoundDetails) -> None:
        """Add missing details to the installations."""
        for details in found.orders:
            activity.heartbeat()
            await self.store.add(details)


def part(resources: Resources) -> Part:
    """Create the context's part in a worker process."""
    installations = InstallationActivities(InstallationStore(resources.database))
    details = InstallationDetailsActivities(InstallationDetailsStore(resources.database))
    return Part([installations, details])
