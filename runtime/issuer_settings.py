"""Settings that say whose tokens the API accepts, and for how long."""

from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings

from runtime.issuer_urls import check_issuer
from runtime.tracking_keys import TrackingKeys


class IssuerSettings(BaseSettings):
    """The part of `Settings` about tokens."""

    auth_required: bool = False
    """Require tokens without `AUTH_ISSUER`: of the development issuer in `DATA_DIR` (`make token`)."""
    auth_issuer: str | None = Field(None, max_length=2000)
    """Issuer of the tokens that the API requires: the claim `iss`. Unset: none is required, and only local access."""
    auth_audience: str | None = Field(None, max_length=2000)
    """Audience of the tokens, with `AUTH_ISSUER`: the claim `aud`."""
    auth_jwks_url: str | None = Field(None, pattern="^(https?|file)://", max_length=2000)
    """URL of the issuer's public keys. Unset: taken from its discovery document. See `runtime.issuer_urls`."""
    auth_roles_claim: str = Field("roles", min_length=1, max_length=200)
    """Claim with the roles, with `AUTH_ISSUER`. Dots separate nested claims, as in `realm_access.roles`."""
    auth_regions_claim: str = Field("regions", min_length=1, max_length=200)
    """Claim with the regions that a manager reaches, with `AUTH_ISSUER`; `*` is the whole country."""
    auth_regions_required: bool = True
    """Without the claim, a manager reaches no region. If this is off, the manager reaches the whole country."""
    auth_longest_lifetime: float = Field(24 * 60 * 60, gt=0, le=366 * 24 * 60 * 60, allow_inf_nan=False)
    """Seconds for which a token may be valid, unless its only role is `operator`."""
    revoked_tokens: Path | None = None
    """File of lines `SUBJECT TIME`: tokens of the subject issued before count no more. It may change at any time."""
    tracking_keys: SecretStr | None = None
    """Keys that sign tracking tokens; see `runtime.tracking_keys`. Unset: the file `Settings.tracking_keys_file`."""
    tracking_token_days: int = Field(7, ge=1, le=366)
    """Days for which a tracking token is good after the end of the visit."""

    @property
    def requires_authentication(self) -> bool:
        """Whether the API requires tokens."""
        return self.auth_required or self.auth_issuer is not None

    @field_validator("tracking_keys")
    @classmethod
    def _well_formed(cls, keys: SecretStr | None) -> SecretStr | None:
        if keys is not None:
            TrackingKeys.parse(keys.get_secret_value())
        return keys

    @model_validator(mode="after")
    def _whole_issuer(self) -> Self:
        if bool(self.auth_issuer) != bool(self.auth_audience):
            raise ValueError("AUTH_ISSUER and AUTH_AUDIENCE have to be set together")
        if self.auth_issuer:
            check_issuer(self.auth_issuer, self.auth_jwks_url)
        return self
