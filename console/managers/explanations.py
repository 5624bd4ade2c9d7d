"""Explanations: why something was decided, in the language of the page.

The API gives reasons as codes, or as short English sentences of the service. What people have written themselves, and
what a newer release says, is shown as it is.
"""

import re
from collections.abc import Callable, Mapping

from console import labels
from console.problems import REASONS
from console.texts import N_, Texts
from domain.installation import IncompleteReason
from domain.orders import Event
from domain.visits import start_before

HELP: Mapping[str, str] = {
    "NO_SERVICE_AREA": N_("Ask the customer for the address, or assign an engineer by hand."),
    "AMBIGUOUS_ADDRESS": N_("Ask the customer which one is meant, then assign an engineer of that region."),
    "NO_ENGINEER": N_("Assign an engineer by hand: one who declined before can be asked again."),
    "NO_CAPACITY": N_("The order goes on by itself when a time becomes free. You can also assign an engineer by hand."),
    "VISIT_LOST": N_("Call the customer and choose another time together."),
    "VISIT_FAILED": N_("Call the customer and choose another time together."),
    "VISIT_UNREPORTED": N_("Call the engineer: the visit should be over, and nothing was reported."),
    "ORDER_CLOSED_ELSEWHERE": N_("Cancel the order. The customer can order again."),
    "MANAGEMENT_CENTER_UNAVAILABLE": N_("The order goes on by itself as soon as it answers. Tell operations."),
    "INSTALLATION_UNAVAILABLE": N_("The order goes on by itself as soon as it answers. Tell operations."),
    "WORKFLOW_LOST": N_("Tell operations: the order does not go on. The customer can order again."),
}
"""What a person can do, by the reason for which an order needs one."""
OBSTACLE: Mapping[str, str] = {
    "DAY_OFF": N_("Day off"),
    "NOT_WORKING": N_("Does not work at this time"),
    "BOOKED": N_("Fully booked"),
    "DECLINED_BEFORE": N_("Declined this order, or did not answer"),
    "MISSING_SKILLS": N_("Lacks skills for the product"),
    "INACTIVE": N_("Not active"),
}
"""Why an engineer cannot make a visit."""
INCOMPLETE: Mapping[str, str] = {
    IncompleteReason.CUSTOMER_ABSENT: N_("The customer was not there"),
    IncompleteReason.FACILITY_PROBLEM: N_("Problem with the building or the line"),
    IncompleteReason.EQUIPMENT_PROBLEM: N_("Problem with the equipment"),
    IncompleteReason.OTHER: N_("Another reason"),
}
"""Why a visit did not lead to an installation."""
INSTALLATION: Mapping[str, str] = {
    "REQUESTED": N_("Waiting for the engineer's answer"),
    "ACCEPTED": N_("Confirmed by the engineer"),
    "STARTED": N_("The engineer is at work"),
    "DECLINED": N_("Declined"),
    "COMPLETED": N_("Installed"),
    "INCOMPLETE": N_("Not finished"),
    "CANCELED": N_("Canceled"),
}
"""Status of the engineer's job."""
SENTENCES: Mapping[str, str] = {
    "the engineer cannot come": N_("The engineer cannot come, and nobody else is free at that time"),
    "no answer in time": N_("No answer in time"),
    "the workflow was terminated": N_("The order's process was ended from outside"),
    "the installation has been completed": N_("The installation had been completed"),
    **REASONS,
}
"""Sentences of the service, as they are."""
_CHOICE = re.compile(
    r"(?:fewest visits that day \((?P<visits>\d+)\)|(?P<same>as before)|assigned by (?P<by>[^;]+?))"
    r"(?: in (?P<region>[A-Z]{2}-\w{1,3}))?(?: with (?P<skills>[^;]+))?(?:; (?P<wanted>\S+) was not free)?"
)
_ASKED = re.compile(r"(\d+) engineers have been asked")
_MAY_BE_IN = re.compile(r"the address may be in ([A-Z0-9-]+(?:, [A-Z0-9-]+)*)")


def regions_in_question(detail: str | None) -> list[str]:
    """Return the regions in which an ambiguous address may be, of the detail of the request for a person."""
    found = _MAY_BE_IN.fullmatch(detail or "")
    return found[1].split(", ") if found else []


Name = Callable[[str], str]
"""Returns what an actor is called."""


class Explanations:
    """The explanations in one language."""

    def __init__(self, texts: Texts, name: Name) -> None:
        self._texts = texts
        self._label = labels.labeler(texts)
        self._name = name

    def of_event(self, event: str, detail: str | None) -> str | None:
        """Return why something happened, or None if nothing is said about it."""
        if not detail:
            return None
        if event == Event.INSTALLATION_REQUESTED:
            return self._name(detail)
        if event in (Event.ENGINEER_AWAITED, Event.ATTENTION_ACKNOWLEDGED):
            return self._label("reason", detail)
        return self.of_visit(detail) if event == Event.INSTALLATION_INCOMPLETE else self.of(detail)

    def of_visit(self, reason: str) -> str:
        """Return why an installation was declined or canceled, or why a visit failed."""
        return self._texts(INCOMPLETE[reason]) if reason in INCOMPLETE else self.of(reason)

    def of(self, detail: str) -> str:
        """Return a sentence of the service in this language."""
        texts = self._texts
        if detail in SENTENCES:
            return texts(SENTENCES[detail])
        if before := start_before(detail):
            return texts("Instead of %(moment)s", moment=texts.moment(before))
        if found := _ASKED.fullmatch(detail):
            return texts.count("%(num)s engineer was asked", "%(num)s engineers were asked", int(found[1]))
        if regions := regions_in_question(detail):
            return texts("In question: %(regions)s", regions=", ".join(self._label("region", one) for one in regions))
        if found := _CHOICE.fullmatch(detail):
            return " · ".join(self._choice(found))
        return detail

    def _choice(self, found: re.Match[str]) -> list[str]:
        texts, parts = self._texts, []
        if found["visits"]:
            parts.append(texts("Fewest visits that day (%(visits)s)", visits=found["visits"]))
        elif found["same"]:
            parts.append(texts("The same engineer as before"))
        else:
            parts.append(texts("Assigned by hand: %(name)s", name=self._name(found["by"])))
        if found["region"]:
            parts.append(self._label("region", found["region"]))
        if found["skills"]:
            parts.append(texts("Skills: %(skills)s", skills=found["skills"]))
        if found["wanted"]:
            parts.append(texts("%(moment)s was not free", moment=texts.moment(found["wanted"])))
        return parts
