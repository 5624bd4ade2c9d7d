"""The payload keys: from the settings, or generated."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from runtime.key_files import new_key
from runtime.key_rings import make_file
from runtime.payload_keys import NoKeys, PayloadKeys, read_file
from runtime.settings import Settings
from runtime.temporal_client import payload_keys_of


def test_the_first_key_encrypts_and_all_are_there() -> None:
    keys = PayloadKeys.parse(f"two:{new_key()}, one:{new_key()}\n")

    assert keys.newest == "two"
    assert list(keys.by_id) == ["two", "one"]


@pytest.mark.parametrize("text", ["one", "one:", "one:c2VjcmV0", "one:!", "a b:{}", "one:{},one:{}", "one:{},", "{}"])
def test_what_are_no_keys_is_refused_without_being_shown(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    keys = text.replace("{}", new_key())
    monkeypatch.setenv("PAYLOAD_KEYS", keys)

    with pytest.raises(ValidationError, match="payload_keys") as refused:
        Settings()

    assert "c2VjcmV0" not in str(refused.value)


def test_a_file_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "data" / "payload_keys"

    make_file(file)
    made = read_file(file)
    make_file(file)

    assert read_file(file) == made
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(file.parent.iterdir()) == [file]


def test_beside_the_embedded_server_keys_are_made_but_not_for_an_existing_one(tmp_path: Path) -> None:
    own = Settings(data_dir=tmp_path, payload_keys=None, temporal_address=None)
    of_others = Settings(data_dir=tmp_path / "elsewhere", payload_keys=None, temporal_address="temporal.example:7233")

    assert payload_keys_of(own) == read_file(own.payload_keys_file)
    with pytest.raises(NoKeys, match="PAYLOAD_KEYS"):
        payload_keys_of(of_others)
