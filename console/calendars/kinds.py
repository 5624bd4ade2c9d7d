"""The two kinds of calendar entries, days off and extra shifts, with what their pages say."""

from dataclasses import dataclass

from console.managers.center import CENTER
from console.paths import path_of
from console.texts import N_


@dataclass(frozen=True)
class Kind:
    """One kind of entries. The texts are marked for translation."""

    path: str
    """Path of the list in the console."""
    api: str
    """Path of the list in the API."""
    key: str
    """Member with the id, and part of a path."""
    takes_time: bool
    """Whether engineers work less by an entry, and not more."""
    title: str
    none: str
    add: str
    effect: str
    """What an entry does."""
    all_day: str
    """The hours of an entry without hours."""
    hours_hint: str
    added: str
    known: str
    remove: str
    effect_of_removal: str
    removed: str
    gone: str

    @property
    def new(self) -> str:
        """Path of the page on which one is added."""
        return f"{self.path}/new"

    def removal(self, entry_id: str) -> str:
        """Return the path of the page that asks whether to remove an entry."""
        return path_of(self.path, entry_id, "remove")


DAYS_OFF = Kind(
    "/days-off",
    f"{CENTER}/daysOff",
    "dayOffId",
    takes_time=True,
    title=N_("Days off"),
    none=N_("No days off are entered for this time."),
    add=N_("Add a day off"),
    effect=N_("Visits that are booked in this time go to other engineers at once."),
    all_day=N_("Whole day"),
    hours_hint=N_("Leave both empty for whole days. A part of a day takes every visit window that it overlaps."),
    added=N_("The day off is entered. Visits that were booked in this time go to other engineers."),
    known=N_("This day off had been entered already."),
    remove=N_("Remove the day off"),
    effect_of_removal=N_("Visits can be booked in this time again. Those that went to other engineers stay there."),
    removed=N_("The day off is removed."),
    gone=N_("The day off had been removed already."),
)
EXTRA_SHIFTS = Kind(
    "/extra-shifts",
    f"{CENTER}/extraShifts",
    "extraShiftId",
    takes_time=False,
    title=N_("Extra shifts"),
    none=N_("No extra shifts are entered for this time."),
    add=N_("Add an extra shift"),
    effect=N_("It counts on weekends and holidays, too, and adds to the usual hours. A day off goes before it."),
    all_day=N_("Usual hours"),
    hours_hint=N_("Leave both empty for the usual hours of each engineer."),
    added=N_("The extra shift is entered. Visits can be booked in this time."),
    known=N_("This extra shift had been entered already."),
    remove=N_("Remove the extra shift"),
    effect_of_removal=N_("Visits that were booked because of it go to other engineers."),
    removed=N_("The extra shift is removed."),
    gone=N_("The extra shift had been removed already."),
)
