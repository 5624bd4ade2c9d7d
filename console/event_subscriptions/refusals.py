"""What managers are told when something about an event subscription is refused, or gets no answer."""

from collections.abc import Mapping
from dataclasses import replace

from console.managers.center import Refusal, refusal
from console.problems import AWAY, sentence
from console.service import ApiAway, Problem
from console.texts import N_, Texts

_SENTENCES: Mapping[str, str] = {
    "events-gone": N_("The events after this position are not kept any more. Please begin with the oldest one."),
    "too-many-subscriptions": N_(
        "There are as many event subscriptions as allowed. Please delete one that nobody needs, or ask an operator."
    ),
    "idempotency-key-reused": N_(
        "What you had entered before was added already. Please look at the list before you send this form again."
    ),
}
"""By slug, where other pages say something else."""

Sentences = Mapping[str, str]


def said(error: Problem | ApiAway, texts: Texts, special: Sentences = {}) -> str:  # noqa: B006 - it is not changed
    """Return what a person is told.

    Args:
        error: The API's answer, or that there was none.
        texts: The language.
        special: Sentences by slug for this act alone.
    """
    if isinstance(error, ApiAway):
        return texts(AWAY)
    known = {**_SENTENCES, **special}.get(error.slug)
    return texts(known) if known else sentence(error, texts)


def form_again(
    error: Problem | ApiAway,
    values: Mapping[str, str],
    texts: Texts,
    fields: Mapping[str, str],
    special: Sentences = {},  # noqa: B006 - it is not changed
) -> Refusal:
    """Return a form again, with what the API says about it.

    Raises:
        Problem: the answer is not about what was entered: nobody is signed in, or there is no such subscription.
    """
    refused = refusal(error, values, texts, fields)
    return replace(refused, form=replace(refused.form, summary=said(error, texts, special)))
