"""Staff (인력) of the management center: engineers, areas, calendars, and the skills that products need."""

from stores.management_center.areas import ServiceAreas
from stores.management_center.calendar_entries import CalendarEntries
from stores.management_center.engineers import Engineers
from stores.management_center.products import Products


class Staffing(ServiceAreas, Engineers, CalendarEntries, Products):
    """Stores the staff. Each change applies at once to free windows, booked visits, and waiting orders."""
