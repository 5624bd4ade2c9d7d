"""The entries of the managers' menu that lead to several pages."""

from console.routing import Entry
from console.texts import N_

PLANNING = Entry(N_("Planning"), "calendar")
STAFF = Entry(N_("Staff"), "person")
REPORTS = Entry(N_("Administration"), "report")
