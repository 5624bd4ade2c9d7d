"""Valid tokens, and attacks with invalid ones."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import jwt
import pytest

from api.http.errors import Unauthenticated
from api.security import tokens
from api.security.principals import Identity, Role
from api.security.tokens import LARGEST_TOKEN, Tokens, Trust
from tests.api.issuer import Issuer, as_jwk, as_pem, ec_key, rsa_key, unsigned


@pytest.fixture
def issuer(tmp_path: Path) -> Issuer:
    return Issuer(tmp_path / "keys.json", keys={"one": ec_key(), "two": rsa_key()})


@pytest.mark.parametrize("key_id", ["one", "two"])
async def test_a_token_says_who_sends_it(issuer: Issuer, key_id: str) -> None:
    expires = int(time.time()) + 600
    claims = issuer.claims(
        "kim", "manager", "cook", scope="orders:read orders:write", regions=["KR-11"], exp=expires, aud=["x", "orders"]
    )

    assert await Tokens(issuer.trust).check(issuer.sign(claims, key_id)) == Identity(
        "kim",
        expires,
        frozenset({Role.MANAGER}),
        frozenset({"orders:read", "orders:write"}),
        frozenset({"KR-11"}),
        float(claims["iat"]),
    )


async def test_the_clocks_may_differ_a_little(issuer: Issuer) -> None:
    await Tokens(issuer.trust).check(issuer.token(exp=time.time() - 5))
    await Tokens(issuer.trust).check(issuer.token(nbf=time.time() + 5))


@pytest.mark.parametrize(
    ("name", "claims"),
    [
        ("roles", {"roles": ["engineer"]}),
        ("realm_access.roles", {"realm_access": {"roles": ["engineer", "offline_access"]}}),
        ("https://orders.example/roles", {"https://orders.example/roles": "engineer"}),
    ],
)
async def test_roles_are_in_the_claim_that_is_set(issuer: Issuer, name: str, claims: dict[str, Any]) -> None:
    trust = Trust(issuer.name, issuer.audience, issuer.trust.jwks_url, name)

    assert (await Tokens(trust).check(issuer.token(**{"roles": None, **claims}))).roles == {Role.ENGINEER}
    assert (await Tokens(trust).check(issuer.token(roles=None))).roles == frozenset()


@pytest.mark.parametrize("header", ["", "JWT", "jwt", "at+jwt", "application/at+jwt"])
@pytest.mark.parametrize("payload", [None, "Bearer"])
async def test_access_tokens_are_taken_however_they_call_themselves(
    issuer: Issuer, header: str, payload: str | None
) -> None:
    token = issuer.sign(issuer.claims("kim", "manager", typ=payload), typ=header)

    assert (await Tokens(issuer.trust).check(token)).subject == "kim"


async def test_a_token_lasts_as_long_as_is_set_and_an_operators_for_ever(issuer: Issuer) -> None:
    trust = replace(issuer.trust, longest_lifetime=1000.0)
    now = int(time.time())

    await Tokens(trust).check(issuer.token("1", "customer", exp=now + 1000, iat=now))
    with pytest.raises(Unauthenticated, match="longer than"):
        await Tokens(trust).check(issuer.token("1", "customer", exp=now + 1001, iat=now))
    await Tokens(trust).check(issuer.token("prometheus", "operator", exp=now + 10**9))


@pytest.mark.parametrize(
    ("claim", "required", "reached"),
    [
        (["*"], True, None),
        ("*", True, None),
        (["KR-11", "*"], True, None),
        (["KR-11"], True, frozenset({"KR-11"})),
        ([], True, frozenset()),
        (None, True, frozenset()),
        (None, False, None),
        ([], False, frozenset()),
        (["KR-11"], False, frozenset({"KR-11"})),
        (["*"], False, None),
    ],
)
@pytest.mark.parametrize("null", [True, False])
async def test_the_whole_country_is_said_and_never_meant_by_silence(
    issuer: Issuer, claim: object, required: bool, reached: frozenset[str] | None, null: bool
) -> None:
    trust = replace(issuer.trust, regions_required=required)
    claims = issuer.claims("kim", "manager", regions=claim) | ({"regions": None} if null and claim is None else {})

    assert (await Tokens(trust).check(issuer.sign(claims))).regions == reached


async def test_regions_are_in_the_claim_that_is_set(issuer: Issuer) -> None:
    trust = replace(issuer.trust, regions_claim="isp.regions")

    async def reached(**claims: object) -> frozenset[str] | None:
        return (await Tokens(trust).check(issuer.token("kim", "manager", **claims))).regions

    assert await reached(isp={"regions": ["KR-26"]}) == frozenset({"KR-26"})
    assert await reached(regions=["*"]) == frozenset()


async def test_a_token_that_was_good_is_no_longer_once_it_has_ended(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    checker = Tokens(issuer.trust)
    token = issuer.token()
    await checker.check(token)
    ended = time.time() + 10_000
    monkeypatch.setattr(tokens, "time", lambda: ended)
    monkeypatch.setattr(Tokens, "_verified", Mock(side_effect=jwt.ExpiredSignatureError))

    with pytest.raises(Unauthenticated, match="expired"):
        await checker.check(token)


async def test_only_so_many_good_tokens_are_kept(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "MOST_KEPT", 2)
    checker = Tokens(issuer.trust)
    for number in range(5):
        assert (await checker.check(issuer.token(str(number)))).subject == str(number)
    assert len(checker._cache) == 2


def _altered(issuer: Issuer) -> str:
    header, payload, signature = issuer.token("1", "customer").split(".")
    other = unsigned({}, issuer.claims("2", "manager")).split(".")[1]
    assert other != payload
    return f"{header}.{other}.{signature}"


def _confused(issuer: Issuer, secret: bytes, key_id: str) -> str:
    """Return a token signed by HMAC with the public key as the secret."""
    signing = unsigned({"alg": "HS256", "kid": key_id}, issuer.claims("1", "manager")).rpartition(".")[0]
    return f"{signing}.{unsigned({}, {}, hmac.digest(secret, signing.encode(), hashlib.sha256)).split('.')[2]}"


def _with_its_own_key(issuer: Issuer) -> str:
    stranger = Issuer(issuer.file.with_name("stranger.json"), keys={"mine": ec_key(1)})
    header = {"jwk": as_jwk("mine", ec_key(1)), "jku": stranger.file.as_uri()}
    return stranger.sign(issuer.claims("1", "manager"), "mine", **header)


ATTACKS: dict[str, Callable[[Issuer], str]] = {
    "expired": lambda issuer: issuer.token(exp=time.time() - 600),
    "without an end": lambda issuer: issuer.token(exp=None),
    "endless": lambda issuer: issuer.token(exp=float("inf")),
    "endless, as a whole number": lambda issuer: issuer.token(exp=10**400),
    "not valid yet": lambda issuer: issuer.token(nbf=time.time() + 600),
    "for somebody else": lambda issuer: issuer.token(aud="payroll"),
    "for nobody": lambda issuer: issuer.token(aud=None),
    "of another issuer": lambda issuer: issuer.token(iss="https://stranger.example"),
    "of no issuer": lambda issuer: issuer.token(iss=None),
    "about nobody": lambda issuer: issuer.token(sub=None),
    "about a number": lambda issuer: issuer.token(sub=1),
    "about a line break": lambda issuer: issuer.token("1\nmanager:2"),
    "about too much": lambda issuer: issuer.token("1" * 151),
    "roles of no sense": lambda issuer: issuer.token(roles={"manager": True}),
    "regions of no sense": lambda issuer: issuer.token(regions=11),
    "unsigned": lambda issuer: unsigned({"alg": "none", "kid": "one"}, issuer.claims("1", "manager")),
    "unsigned, in capitals": lambda issuer: unsigned({"alg": "NONE", "kid": "one"}, issuer.claims("1", "manager")),
    "with its signature cut off": lambda issuer: issuer.token().rpartition(".")[0] + ".",
    "altered": _altered,
    "signed by an unknown key": lambda issuer: Issuer(
        issuer.file.with_name("stranger.json"), keys={"unknown": ec_key(1)}
    ).sign(issuer.claims("1", "manager"), "unknown"),
    "signed by another key of that name": lambda issuer: Issuer(
        issuer.file.with_name("stranger.json"), keys={"one": ec_key(1)}
    ).token("1", "manager"),
    "signed by a key that it brings along": _with_its_own_key,
    "of no key": lambda issuer: jwt.encode(issuer.claims(), ec_key(), "ES256"),
    "HMAC by the RSA key": lambda issuer: _confused(issuer, as_pem(rsa_key()), "two"),
    "HMAC by the RSA key's JWK": lambda issuer: _confused(issuer, json.dumps(as_jwk("two", rsa_key())).encode(), "two"),
    "HMAC by the EC key": lambda issuer: _confused(issuer, as_pem(ec_key()), "one"),
    "the other algorithm than the key's": lambda issuer: issuer.sign(issuer.claims(), "two", kid="one"),
    "critical extension": lambda issuer: issuer.sign(issuer.claims(), crit=["exp2"], exp2=1),
    "a logout token, by its header": lambda issuer: issuer.sign(issuer.claims("1", "manager"), typ="logout+jwt"),
    "a token of an unknown type": lambda issuer: issuer.sign(issuer.claims("1", "manager"), typ="dpop+jwt"),
    "of several types": lambda issuer: issuer.sign(issuer.claims("1", "manager"), typ=["at+jwt"]),
    "an ID token": lambda issuer: issuer.token("1", "manager", typ="ID"),
    "a refresh token": lambda issuer: issuer.token("1", "manager", typ="Refresh"),
    "an offline token": lambda issuer: issuer.token("1", "manager", typ="Offline"),
    "a logout token": lambda issuer: issuer.token("1", "manager", typ="Logout"),
    "a token of a list of types": lambda issuer: issuer.token("1", "manager", typ=["ID"]),
    "a token of a type that is no text": lambda issuer: issuer.token("1", "manager", typ={"ID": 1}),
    "for too long": lambda issuer: issuer.token("1", "manager", exp=time.time() + 90_000),
    "for too long, of no known age": lambda issuer: issuer.token("1", "manager", iat=None, exp=time.time() + 90_000),
    "for too long, as an operator's and a customer's": lambda issuer: issuer.token(
        "1", "operator", "customer", exp=time.time() + 90_000
    ),
    "for too long, of no role": lambda issuer: issuer.token(exp=time.time() + 90_000),
    "old, and for too long": lambda issuer: issuer.token(iat=time.time() - 90_000),
    "of no sensible age": lambda issuer: issuer.token(iat="yesterday"),
    "huge": lambda issuer: issuer.token(padding="x" * LARGEST_TOKEN),
    "nothing": lambda _: "",
    "no token": lambda _: "Zm9v.YmFy",
    "nonsense": lambda _: "%%%.é.\x00",
    "deep": lambda _: f"{base64.urlsafe_b64encode(b'[' * 5000).decode()}.e30.AA",
}


@pytest.mark.parametrize("attack", ATTACKS)
async def test_no_other_token_counts(issuer: Issuer, attack: str) -> None:
    token = ATTACKS[attack](issuer)

    with pytest.raises(Unauthenticated) as refusal:
        await Tokens(issuer.trust).check(token)
    assert refusal.value.invalid
