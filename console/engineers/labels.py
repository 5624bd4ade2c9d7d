"""What engineers read: statuses, reasons, and the words for each of their actions."""

from collections.abc import Mapping
from dataclasses import dataclass

from console.texts import N_
from domain.installation import EngineerAction, IncompleteReason, InstallationStatus

STATUS: Mapping[str, str] = {
    InstallationStatus.REQUESTED: N_("Needs your answer"),
    InstallationStatus.ACCEPTED: N_("Accepted"),
    InstallationStatus.STARTED: N_("At work"),
    InstallationStatus.DECLINED: N_("You declined"),
    InstallationStatus.COMPLETED: N_("Installed"),
    InstallationStatus.INCOMPLETE: N_("Not installed"),
    InstallationStatus.CANCELED: N_("Not yours any more"),
}
TONE: Mapping[str, str] = {
    InstallationStatus.REQUESTED: "waiting",
    InstallationStatus.ACCEPTED: "moving",
    InstallationStatus.STARTED: "good",
    InstallationStatus.DECLINED: "ended",
    InstallationStatus.COMPLETED: "done",
    InstallationStatus.INCOMPLETE: "alert",
    InstallationStatus.CANCELED: "ended",
}
INCOMPLETE: Mapping[str, str] = {
    IncompleteReason.CUSTOMER_ABSENT: N_("Nobody was at home"),
    IncompleteReason.FACILITY_PROBLEM: N_("The line or the building does not allow it"),
    IncompleteReason.EQUIPMENT_PROBLEM: N_("The equipment does not work"),
    IncompleteReason.OTHER: N_("Something else"),
}
REASON: Mapping[str, str] = {
    "no answer in time": N_("No answer in time"),
    **INCOMPLETE,
}
"""Why an engineer did not install: the reasons that the service records, and those that engineers choose."""
DECLINE: Mapping[str, str] = {
    "TIME": N_("I cannot come at this time"),
    "DISTANCE": N_("It is too far from my other visits"),
    "EQUIPMENT": N_("I lack the equipment or the training"),
    "OTHER": N_("Something else"),
}
"""Reasons to choose from. The API takes any text, so the chosen one is sent as it is read."""


@dataclass(frozen=True)
class Words:
    """The words for an action, marked for translation."""

    button: str
    title: str
    hint: str
    done: str
    """What is said once it counts."""
    icon: str


WORDS: Mapping[EngineerAction, Words] = {
    EngineerAction.ACCEPT: Words(
        N_("Accept"),
        N_("Accept this visit"),
        N_("The customer is told that you come."),
        N_("You have accepted the visit."),
        "done",
    ),
    EngineerAction.DECLINE: Words(
        N_("Decline"),
        N_("Decline this visit"),
        N_("Another engineer is asked at once. This cannot be undone."),
        N_("You have declined the visit. Another engineer is asked."),
        "close",
    ),
    EngineerAction.START: Words(
        N_("Start"),
        N_("Start the installation"),
        N_("The customer and the center see that you are at work."),
        N_("The installation has begun."),
        "play",
    ),
    EngineerAction.COMPLETE: Words(
        N_("Installed"),
        N_("Report the installation as done"),
        N_("The order is complete then. This cannot be undone."),
        N_("The installation is reported as done."),
        "done",
    ),
    EngineerAction.INCOMPLETE: Words(
        N_("Could not install"),
        N_("Report that you could not install"),
        N_("The customer chooses another time."),
        N_("Reported. The customer chooses another time."),
        "alert",
    ),
}
