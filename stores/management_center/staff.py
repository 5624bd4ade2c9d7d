"""Staff (인력) as the management center keeps it: whom it has, where and when they work, and what products ask for."""

from stores.management_center.areas import ServiceAreas
from stores.management_center.days_off import DaysOff
from stores.management_center.engineers import Engineers
from stores.management_center.products import Products


class Staffing(ServiceAreas, Engineers, DaysOff, Products):
    """Each change takes effect at once: on what is free, on what is booked, and on who waits."""
