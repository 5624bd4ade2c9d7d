"""Settings of the console, the pages for people."""

from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from runtime.issuer_settings import IssuerSettings
from runtime.issuer_urls import is_loopback
from runtime.key_rings import KeyRing

_ORIGIN = r"^https?://[^/\s?#]+$"


def session_keys_file(data_dir: Path) -> Path:
    """Return the file with the keys of sessions if `console_session_keys` is not set."""
    return data_dir / "console_session_keys"


class ConsoleSettings(IssuerSettings):
    """The part of `Settings` about the console."""

    console_host: str = "127.0.0.1"
    console_port: int = Field(8082, ge=1, le=65535)
    console_api_url: str | None = Field(None, pattern=_ORIGIN, max_length=2000)
    """Origin at which the console finds the API. `make run` sets it."""
    console_url: str | None = Field(None, pattern=_ORIGIN, max_length=2000)
    """Origin by which browsers name the console. `make run` sets it."""
    console_session_keys: SecretStr | None = None
    """Keys that encrypt sessions, written as `PAYLOAD_KEYS`. Unset: the file `session_keys_file`."""
    console_oidc_client_id: str | None = Field(None, max_length=200)
    console_oidc_client_secret: SecretStr | None = None
    console_map_url: str = Field(
        "https://map.kakao.com/link/search/{address}", pattern=r"^https://\S*\{address\}\S*$", max_length=500
    )
    """URL of a map; `{address}` stands for the address."""
    console_contact_phone: str | None = Field(None, pattern=r"^[0-9+() -]{3,30}$")
    """Telephone number that customers call."""
    console_contact_mail: str | None = Field(None, pattern=r"^[^@\s]+@[^@\s]+$", max_length=200)
    console_web_ui_url: str | None = Field(None, pattern=r"^https?://\S+$", max_length=2000)
    """Page of the namespace in Temporal's Web UI, to which managers are linked. `make run` sets it."""

    @field_validator("console_session_keys")
    @classmethod
    def _session_keys(cls, keys: SecretStr | None) -> SecretStr | None:
        if keys is not None:
            KeyRing.parse(keys.get_secret_value())
        return keys

    @field_validator("console_oidc_client_secret")
    @classmethod
    def _no_secret(cls, secret: SecretStr | None) -> SecretStr | None:
        """An empty file is the secret of a public client, which has none."""
        return secret if secret and secret.get_secret_value().strip() else None

    @model_validator(mode="after")
    def _secret_of_a_client(self) -> Self:
        if self.console_oidc_client_secret is not None and self.console_oidc_client_id is None:
            raise ValueError("CONSOLE_OIDC_CLIENT_SECRET needs CONSOLE_OIDC_CLIENT_ID")
        return self

    @property
    def has_console(self) -> bool:
        """Whether people can sign in, so that `make run` starts a console."""
        return self.auth_issuer is None or self.console_oidc_client_id is not None

    @property
    def console_insecurity(self) -> str | None:
        """Why a console would be less guarded than it has to be, and what to do; or None."""
        url = urlsplit(self.console_url or "http://127.0.0.1")
        named_locally = is_loopback(url.hostname or "")
        if self.auth_issuer is None and not (is_loopback(self.console_host) and named_locally):
            return (
                f"CONSOLE_HOST={self.console_host} or CONSOLE_URL can be reached from other machines, but people sign "
                "in by choosing a person: set AUTH_ISSUER and CONSOLE_OIDC_CLIENT_ID, or stay on 127.0.0.1"
            )
        if url.scheme != "https" and not named_locally:
            return "CONSOLE_URL has to begin with https: sessions would be readable on the way"
        if not self.has_console:
            return "with AUTH_ISSUER, the console needs CONSOLE_OIDC_CLIENT_ID to sign people in"
        return None
