"""Staff (인력) as the management centre keeps it: whom it has, where and when they work, and what products ask for."""

from stores.days_off import DaysOff
from stores.engineers import Engineers
from stores.products import Products
from stores.service_areas import ServiceAreas


class Staffing(ServiceAreas, Engineers, DaysOff, Products):
    """Each change takes effect at once: on what is free, on what is booked, and on who waits."""
