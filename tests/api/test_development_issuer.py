"""The development issuer's tokens and its only key."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from api.security.principals import Role
from api.security.tokens import Tokens, trust_of
from harness.waiting import PATIENCE
from runtime import development_issuer
from runtime.settings import Settings

PROJECT = Path(__file__).parents[2]


@pytest.mark.usefixtures("processes")
@pytest.mark.parametrize(
    ("arguments", "regions"),
    [(["--regions", "KR-11 KR-26"], frozenset({"KR-11", "KR-26"})), ([], None)],
    ids=["some", "all"],
)
async def test_the_token_that_is_printed_last_counts(
    tmp_path: Path, arguments: list[str], regions: frozenset[str] | None
) -> None:
    trust = trust_of(Settings(data_dir=tmp_path, auth_required=True))

    printed = _printed(tmp_path, "--role", "manager", "--subject", "kim", *arguments)
    found = await Tokens(trust).check(printed.splitlines()[-1])

    assert (found.subject, found.roles, found.regions) == ("kim", frozenset({Role.MANAGER}), regions)


def _printed(data_dir: Path, *arguments: str) -> str:
    environment = os.environ | {"DATA_DIR": str(data_dir)}
    command = [sys.executable, "-m", "ops.issue_token", *arguments]
    return subprocess.check_output(command, cwd=PROJECT, env=environment, text=True, timeout=PATIENCE)


async def test_nobody_else_makes_tokens_and_there_is_one_key_whoever_comes_first(tmp_path: Path) -> None:
    with ThreadPoolExecutor() as pool:
        urls = set(pool.map(development_issuer.publish, [tmp_path / "data"] * 8))

    assert len(urls) == 1
    assert {file.name for file in (tmp_path / "data").iterdir()} == {"issuer.pem", "issuer_keys.json"}
    assert (tmp_path / "data" / "issuer.pem").stat().st_mode & 0o777 == 0o600
    assert "PRIVATE" not in (tmp_path / "data" / "issuer_keys.json").read_text()


@pytest.mark.parametrize("required", [True, False])
def test_the_issuer_is_the_one_of_the_settings_or_of_this_machine(tmp_path: Path, required: bool) -> None:
    own = trust_of(Settings(data_dir=tmp_path, auth_required=required))
    others = trust_of(Settings(data_dir=tmp_path, auth_issuer="https://issuer.example", auth_audience="orders"))

    assert (own.issuer, own.jwks_url) == (development_issuer.ISSUER, development_issuer.keys_url(tmp_path))
    assert (others.issuer, others.jwks_url) == ("https://issuer.example", None)
    assert not any(tmp_path.iterdir())
