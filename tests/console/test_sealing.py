"""Cookies that a browser keeps and cannot read or change."""

import secrets
import time
from dataclasses import replace
from typing import Any

import pytest
from cryptography.fernet import Fernet, MultiFernet
from starlette.responses import Response

from console.roles import Role
from console.sealing import SealedCookie, TooLargeForCookies, Value, cookies_of, sealer
from console.sessions import Flash, Session, SessionCookies
from runtime.key_files import new_key
from runtime.key_rings import KeyRing

OLD, NEW = f"old:{new_key()}", f"new:{new_key()}"
COOKIE = SealedCookie("session", dict[str, Any], sealer(KeyRing.parse(OLD)), 3600, secure=True)
VALUE = {"token": "abc", "name": "김하나"}


def written(cookie: SealedCookie[Value], value: Value) -> dict[str, str]:
    """Return the cookies that a browser sends after the value was written."""
    response = Response()
    cookie.write(response, value)
    return kept(response)


def kept(response: Response) -> dict[str, str]:
    return cookies_of("; ".join(header.partition(";")[0] for header in response.headers.getlist("set-cookie")))


def test_what_was_written_is_read_and_cannot_be_seen() -> None:
    cookies = written(COOKIE, VALUE)

    assert COOKIE.read(cookies) == VALUE
    assert "abc" not in str(cookies)
    assert set(cookies) == {"__Host-session"}


def test_a_secure_cookie_is_for_this_host_and_for_no_script() -> None:
    response = Response()
    COOKIE.write(response, VALUE)
    [header] = response.headers.getlist("set-cookie")

    assert {"HttpOnly", "Secure", "SameSite=lax", "Path=/", "Max-Age=3600"} <= set(header.split("; "))
    assert "Domain" not in header


@pytest.mark.parametrize("tokens", [1, 2])
def test_tokens_of_8_kib_are_split_into_cookies_that_a_browser_keeps_or_refused_loudly(tokens: int) -> None:
    value = {f"token-{number}": secrets.token_urlsafe(6144) for number in range(tokens)}
    assert all(len(token) == 8192 for token in value.values())
    if tokens > 1:
        with pytest.raises(TooLargeForCookies):
            written(COOKIE, value)
        return
    response = Response()
    COOKIE.write(response, value)

    assert COOKIE.read(kept(response)) == value
    assert len(kept(response)) == 3
    assert max(len(header) for header in response.headers.getlist("set-cookie")) < 4096


def test_of_a_large_value_no_part_can_be_missing_or_of_another() -> None:
    one, other = (written(COOKIE, {"token": secrets.token_urlsafe(5000)}) for _ in range(2))

    for name in one:
        assert COOKIE.read({each: value for each, value in one.items() if each != name}) is None
        assert COOKIE.read({**one, name: other[name]}) is None


def test_a_smaller_value_leaves_nothing_of_a_larger_one() -> None:
    large, small = written(COOKIE, {"token": secrets.token_urlsafe(6000)}), written(COOKIE, VALUE)

    assert COOKIE.read({**large, **small}) == VALUE


@pytest.mark.parametrize(
    "forged",
    ["", "1.", "1.abc", "x", "9.abc", "1.\u00e9", "-1.a", "1" * 5000, "001" + "0" * 4400, "01.abc", "\u00b2.a", "1.g"],
)
def test_what_nobody_here_has_written_is_as_if_it_were_not_there(forged: str) -> None:
    assert COOKIE.read({"__Host-session": forged}) is None


def test_a_changed_a_foreign_and_an_old_cookie_are_not_read() -> None:
    cookies = written(COOKIE, VALUE)
    sealed = cookies["__Host-session"]
    content = COOKIE.seal.decrypt(f"{sealed[2:]}{'=' * (-len(sealed[2:]) % 4)}".encode())
    old = COOKIE.seal.encrypt_at_time(content, int(time.time()) - 3601).decode().rstrip("=")

    assert COOKIE.read({"__Host-session": sealed[:-4] + ("AAAA" if sealed[-4:] != "AAAA" else "BBBB")}) is None
    assert replace(COOKIE, seal=MultiFernet([Fernet(Fernet.generate_key())])).read(cookies) is None
    assert COOKIE.read({"__Host-session": f"1.{old}"}) is None
    assert replace(COOKIE, max_age=7200).read({"__Host-session": f"1.{old}"}) == VALUE


def test_a_value_of_one_cookie_is_none_of_another() -> None:
    cookies = written(COOKIE, VALUE)

    assert replace(COOKIE, name="draft").read({"__Host-draft": cookies["__Host-session"]}) is None


def test_a_key_is_replaced_while_people_are_signed_in() -> None:
    both = replace(COOKIE, seal=sealer(KeyRing.parse(f"{NEW},{OLD}")))
    new_only = replace(COOKIE, seal=sealer(KeyRing.parse(NEW)))

    assert both.read(written(COOKIE, VALUE)) == VALUE
    assert new_only.read(written(both, VALUE)) == VALUE
    assert new_only.read(written(COOKIE, VALUE)) is None


def test_a_session_of_another_release_is_not_understood_and_harmless() -> None:
    cookies = SessionCookies(COOKIE.seal, secure=True)
    session = Session("token", (Role.CUSTOMER,), "1", "one", 0, time.time() + 60)
    response = Response()
    cookies.sign_in(response, session, {})

    assert cookies.session_in(kept(response)) == session
    for value in ({}, {"roles": ["king"]}, {**VALUE, "roles": ["customer"]}, {"roles": 3}):
        assert cookies.session_in(written(COOKIE, value)) is None


@pytest.mark.parametrize("name", ["flash", "draft"])
@pytest.mark.parametrize("value", [{}, {"text": 1}, {"fields": [["a"]], "action": "/"}, {"fields": 3}, [], None, "x"])
def test_nor_is_anything_else_that_is_kept(name: str, value: object) -> None:
    cookies = SessionCookies(COOKIE.seal, secure=True)
    sent = written(SealedCookie(name, object, COOKIE.seal, 60, secure=True), value)

    assert (cookies.flash_in(sent), cookies.draft_in(sent)) == (None, None)


def test_what_a_later_release_adds_does_no_harm() -> None:
    cookies = SessionCookies(COOKIE.seal, secure=True)

    assert cookies.flash_in(written(replace(COOKIE, name="flash"), {"text": "Done.", "more": 1})) == Flash("Done.")


def test_a_header_of_any_form_is_read() -> None:
    assert cookies_of('a=1; b = 2 ;c; =; d="x"; a=9') == {"a": "1", "b": "2", "": "", "d": '"x"'}
