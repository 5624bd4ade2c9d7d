"""Sessions: who is signed in, in an encrypted cookie. The console stores nothing, so every replica serves everybody."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cryptography.fernet import MultiFernet
from starlette.responses import Response

from console.roles import Role
from console.sealing import SealedCookie

SESSION_SECONDS = 12 * 60 * 60
"""Longest life of a session since it was last written: at sign-in, and whenever its token is renewed."""
DRAFT_SECONDS = 15 * 60
"""How long what somebody has entered is kept while they sign in again."""
_FLASH_SECONDS = 60
_LONGEST_LINK_SECONDS = 400 * 24 * 60 * 60
"""For which browsers keep a cookie at most. A tracking link usually ends before."""
_LINK_TELLS_SECONDS = 24 * 60 * 60
"""How long after its end a tracking link is still known as one that has ended."""


@dataclass(frozen=True)
class Session:
    """A person who is signed in, or somebody who has opened a tracking link."""

    token: str
    """Access token of the person, with which the console calls the API."""
    roles: tuple[Role, ...]
    """The roles that have pages, the widest first."""
    subject: str
    """Of a tracking link: the id of its order."""
    name: str
    """What the person is called on the pages. Empty for a tracking link: nobody knows who has it."""
    issued_at: float
    expires_at: float
    """When the token ends, in seconds since 1970."""
    refresh_token: str | None = None
    limited: bool = False
    """Whether a manager is limited to regions, as far as this process knows: the API decides."""

    @property
    def lives(self) -> bool:
        """Whether the token is still good."""
        return time.time() < self.expires_at

    @property
    def is_of_link(self) -> bool:
        """Whether it is of a tracking link, and nobody is signed in."""
        return Role.TRACKER in self.roles

    def role_in(self, roles: Sequence[Role] | frozenset[Role]) -> Role | None:
        """Return the widest of the person's roles among these, or None."""
        return next((role for role in self.roles if role in roles), None)


@dataclass(frozen=True)
class Flash:
    """A sentence for the next page: what has just been done."""

    text: str
    kind: str = "done"
    """`done`, `note` or `refused`."""


@dataclass(frozen=True)
class Draft:
    """What somebody has sent after their session had ended: it is sent again once they have signed in."""

    action: str
    """Path to which it was sent."""
    fields: list[tuple[str, str]]
    subject: str
    """Whose it is. Empty: not known any more."""


class SessionCookies:
    """The cookies of a person: session or tracking link, flash and draft."""

    def __init__(self, seal: MultiFernet, *, secure: bool) -> None:
        self.session = SealedCookie("session", Session, seal, SESSION_SECONDS, secure)
        self.link = SealedCookie("tracking", Session, seal, _LONGEST_LINK_SECONDS, secure)
        self.flash = SealedCookie("flash", Flash, seal, _FLASH_SECONDS, secure)
        self.draft = SealedCookie("draft", Draft, seal, DRAFT_SECONDS, secure)

    def session_in(self, cookies: Mapping[str, str]) -> Session | None:
        """Return the session, also if its token has ended."""
        return self.session.read(cookies)

    def sign_in(self, response: Response, session: Session, cookies: Mapping[str, str]) -> None:
        """Begin or renew a session. A tracking link is put away: a form of the person is never sent in its name.

        Raises:
            TooLargeForCookies: the tokens do not fit into cookies.
        """
        self.session.write(response, session)
        self.link.clear(response, cookies)

    def link_in(self, cookies: Mapping[str, str]) -> Session | None:
        """Return the session of the tracking link that was opened, also if it has ended."""
        return self.link.read(cookies)

    def open_link(self, response: Response, link: Session) -> None:
        """Keep a tracking link until some time after its end: so an open page says that it has ended."""
        self.link.write(response, link, link.expires_at - time.time() + _LINK_TELLS_SECONDS)

    def flash_in(self, cookies: Mapping[str, str]) -> Flash | None:
        """Return the sentence for this page."""
        return self.flash.read(cookies)

    def draft_in(self, cookies: Mapping[str, str]) -> Draft | None:
        """Return what was sent without a session."""
        return self.draft.read(cookies)

    def draft_was_sent(self, response: Response, cookies: Mapping[str, str], path: str) -> None:
        """Forget what was kept if it is what has now been sent to a path."""
        draft = self.draft_in(cookies)
        if draft is not None and draft.action == path:
            self.draft.clear(response, cookies)

    def keep(self, response: Response, kept: Flash | Draft) -> None:
        """Keep a sentence for the next page, or what somebody has sent.

        Raises:
            TooLargeForCookies: it does not fit into cookies.
        """
        if isinstance(kept, Flash):
            self.flash.write(response, kept)
        else:
            self.draft.write(response, kept)

    def end(self, response: Response, cookies: Mapping[str, str]) -> None:
        """End the session. Nothing stays in the browser, of a tracking link neither."""
        for cookie in (self.session, self.link, self.flash, self.draft):
            cookie.clear(response, cookies)
