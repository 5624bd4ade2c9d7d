"""The visit as a file for calendars (iCalendar, RFC 5545)."""

from datetime import UTC, datetime

from starlette.responses import Response

from console.customers.calls import order_of
from console.error_pages import of_status
from console.page_request import PageRequest
from console.texts import moment

_LONGEST_LINE = 75
"""Bytes."""


async def download_visit(visit: PageRequest) -> Response:
    """Return the file, or say that no visit is booked."""
    order = await order_of(visit, visit.path_value("orderId"))
    window = order["visit"]
    if window is None:
        return await of_status(visit, 404)
    title = visit.texts("Installation of %(product)s", product=order["productName"])
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//subscription-orders//console//EN",
        "BEGIN:VEVENT",
        f"UID:{order['orderId']}@subscription-orders",
        # Calendars replace an earlier file of the visit by one of a later version.
        f"SEQUENCE:{order['version'] // 1000}",
        f"DTSTAMP:{_utc(datetime.now(UTC))}",
        f"DTSTART:{_utc(moment(window['start']))}",
        f"DTEND:{_utc(moment(window['end']))}",
        f"SUMMARY:{_escaped(title)}",
        f"LOCATION:{_escaped(order['installationAddress'] or '')}",
        f"DESCRIPTION:{_escaped(order['engineerName'] or '')}",
        "END:VEVENT",
        "END:VCALENDAR",
    ]
    content = "".join(f"{_folded(line)}\r\n" for line in lines)
    return Response(
        content, media_type="text/calendar", headers={"Content-Disposition": 'attachment; filename="visit.ics"'}
    )


def _utc(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _escaped(text: str) -> str:
    for character in "\\;,":
        text = text.replace(character, f"\\{character}")
    return text.replace("\n", "\\n")


def _folded(line: str) -> str:
    """Return a line as several ones, of which all but the first begin with a blank. No character is split."""
    folded, size = "", 0
    for character in line:
        width = len(character.encode())
        if size + width > _LONGEST_LINE:
            folded, size = f"{folded}\r\n ", 1
        folded, size = folded + character, size + width
    return folded
