"""Every setting of every process, read from the environment once, where a process starts."""

import os
import re
from datetime import time, timedelta
from functools import cached_property
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, DirectoryPath, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SecretsSettingsSource, SettingsConfigDict

from domain.common import contexts
from domain.order_policy import OrderPolicy
from domain.visits import BookingRules, VisitGrid
from runtime.payload_keys import PayloadKeys

Seconds = Annotated[float, Field(gt=0, le=366 * 24 * 60 * 60, allow_inf_nan=False)]
"""A span of time that a workflow can reckon with: a longer one would stop every order that is taken with it."""

LogLevel = Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(str.upper)]


class InsecureConfiguration(Exception):
    """The API would let in everybody who reaches this machine; the text says what to do."""


class Settings(BaseSettings):
    """The environment variables of docs/configuration.md; the field's name in capitals is the variable's.

    A variable that is set to nothing counts as not set. What the environment does not set, a file in `SECRETS_DIR` may,
    with the field's name: so no password need be in an environment, which is easily seen.
    """

    model_config = SettingsConfigDict(env_ignore_empty=True, hide_input_in_errors=True)

    api_host: str = "127.0.0.1"
    api_port: int = Field(8080, ge=1, le=65535)
    auth_required: bool = False
    """Without `AUTH_ISSUER`: ask for tokens all the same, by an issuer in `DATA_DIR` (`make token`)."""
    auth_issuer: str | None = Field(None, max_length=2000)
    """Whose tokens the API asks for: the claim `iss`. Unset, none are needed, and the API serves this machine alone."""
    auth_audience: str | None = Field(None, max_length=2000)
    """With `AUTH_ISSUER`: what the tokens have to be made out to, the claim `aud`."""
    auth_jwks_url: str | None = Field(None, pattern="^(https?|file)://", max_length=2000)
    """Where the issuer's public keys are; unset, its discovery document tells. A `file:` URL is read like any other."""
    auth_roles_claim: str = Field("roles", min_length=1, max_length=200)
    """Which claim has the roles; dots lead into others, as in `realm_access.roles`."""
    rate_limit_customer: int = Field(300, ge=0)
    """Requests that one customer may send to one process: so many at once, and as many a minute; 0: any number."""
    rate_limit_engineer: int = Field(300, ge=0)
    rate_limit_manager: int = Field(1200, ge=0)
    rate_limit_service: int = Field(30_000, ge=0)
    rate_limit_operator: int = Field(300, ge=0)
    rate_limit_anonymous: int | None = Field(None, ge=0)
    """Those from one address that show no good token, or are not allowed. Unset: 300, or any number without tokens."""
    max_open_orders_per_customer: int | None = Field(None, ge=0)
    """Unset: 20, or any number where no tokens are asked for; 0: any number."""
    max_listeners_per_client: int | None = Field(None, ge=0)
    """Event streams that one client may have open. Unset: 5, or any number without tokens; 0: any number."""
    trusted_proxies: str = Field("", max_length=2000)
    """Addresses and networks, with commas between, whose `X-Forwarded-For` says where a request comes from."""
    cors_origins: str = Field("", max_length=2000)
    """Origins, with commas between, whose pages may ask the API from a browser. None as it comes."""
    worker_host: str = "127.0.0.1"
    worker_port: int = Field(8081, ge=1, le=65535)
    temporal_address: str | None = None
    """An existing Temporal server; unset, `make run` starts the embedded one."""
    temporal_port: int = Field(7233, ge=1, le=65535)
    temporal_ui_port: int = Field(8233, ge=1, le=65535)
    data_dir: Path = Path("var")
    secrets_dir: DirectoryPath | None = None
    """Files named like these fields, one setting in each. The environment goes before them."""
    management_center_database_url: str | None = None
    installation_database_url: str | None = None
    order_status_database_url: str | None = None
    audit_database_url: str | None = None
    web_ui_origin: str | None = Field(None, pattern=r"^https?://[^/\s]+$", max_length=2000)
    """Whose pages may have payloads decrypted: where people have Temporal's Web UI. Unset: the embedded one."""
    payload_keys: SecretStr | None = None
    """What is stored in Temporal is encrypted with them; as in `runtime.payload_keys`. Unset: `payload_keys_file`."""
    max_starts_in_flight: int = Field(4, ge=1)
    """So many orders are being handed to Temporal at once; more wait, so that the orders already taken move on.

    The embedded server works starts off one after the other. A cluster takes more at once.
    """
    worker_deployment_name: str | None = None
    """With `WORKER_BUILD_ID`: the release that this process belongs to; see `deployment_name`."""
    worker_build_id: str | None = None
    max_cached_workflows: int = Field(10_000, ge=1)
    """Orders that a worker keeps in memory, at some 140 KB each; fewer than are in motion cost a replay each."""
    max_concurrent_workflow_tasks: int = Field(100, ge=2, le=1000)
    """So many steps of orders one worker computes at once, for each queue."""
    max_concurrent_activities: int = Field(100, ge=1, le=1000)
    """So many activities one worker carries out at once, for each queue; more stay in the queue, for other workers."""
    graceful_shutdown_seconds: Seconds = 5
    """How long a stopping process waits for what is in its hands."""
    drain_seconds: float = Field(0, ge=0, le=600)
    """How long an API that was told to stop still serves everybody, for a balancer to notice that it stops."""
    reconcile_every: float = Field(600, ge=0, le=24 * 60 * 60)
    """Seconds between two comparisons of the managers' view with the workflows; 0: none."""
    view_retention: Seconds | None = None
    """How long the managers' view keeps an order that has ended, and the other stores whose it was; unset: for ever."""
    temporal_retention: float = Field(72 * 60 * 60, ge=60 * 60, le=366 * 24 * 60 * 60)
    """How long Temporal keeps an order that has ended. Told to the embedded server; of another, what it is set to."""
    log_level: LogLevel = "INFO"
    """SIGUSR1 makes it DEBUG while a process runs, SIGUSR2 what is set here."""
    otel_exporter_otlp_endpoint: str | None = None
    """Where traces are sent by OTLP over HTTP; unset, there are none. OpenTelemetry's other settings count, too."""
    otel_service_name: str | None = None
    """What the process is called in traces: by default `api`, `worker`, or a single context's `CONTEXT-worker`."""
    visit_time_zone: ZoneInfo = ZoneInfo("Asia/Seoul")
    """This and the five below are the rules by which visits are booked; see `BookingRules`."""
    visit_first_start: time = time(9)
    visit_length: Seconds = Field(2 * 60 * 60, ge=15 * 60, le=24 * 60 * 60, multiple_of=60)
    visit_lead: float = Field(24 * 60 * 60, ge=0, le=366 * 24 * 60 * 60)
    visit_horizon: Seconds = 60 * 24 * 60 * 60
    visits_per_window: int = Field(1, ge=1, le=100)
    order_answer_within: Seconds = OrderPolicy.answer_within
    """This and those below, in seconds, are the policy of the orders taken from now on; see `OrderPolicy`."""
    order_rounds: int = Field(3, ge=0, le=1000)
    order_report_within: Seconds = 60 * 60
    order_attention_after: Seconds = OrderPolicy.attention_after
    order_try_for: Seconds = OrderPolicy.try_for
    order_retry_at_most_every: Seconds = OrderPolicy.retry_at_most_every
    order_projection_patience: Seconds = OrderPolicy.projection_patience
    order_max_reschedules: int = Field(20, ge=0, le=1000)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What is passed, then the environment, then the files in `SECRETS_DIR`."""
        directory = os.environ.get("SECRETS_DIR")
        if not directory or not Path(directory).is_dir():  # the field itself refuses what is no directory
            return init_settings, env_settings
        return init_settings, env_settings, SecretsSettingsSource(settings_cls, secrets_dir=directory)

    @field_validator("payload_keys")
    @classmethod
    def _keys(cls, keys: SecretStr | None) -> SecretStr | None:
        if keys is not None:
            PayloadKeys.parse(keys.get_secret_value())
        return keys

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, proxies: str) -> str:
        for proxy in _listed(proxies):
            ip_network(proxy)
        return proxies

    @field_validator("cors_origins")
    @classmethod
    def _origins(cls, origins: str) -> str:
        if not all(re.fullmatch(r"https?://[^/\s*]+", origin) for origin in _listed(origins)):
            raise ValueError("an origin is a scheme and a host, as in https://shop.example")
        return origins

    @model_validator(mode="after")
    def _whole_version(self) -> Self:
        if bool(self.worker_deployment_name) != bool(self.worker_build_id):
            raise ValueError("WORKER_DEPLOYMENT_NAME and WORKER_BUILD_ID go together")
        return self

    @model_validator(mode="after")
    def _view_outlives_temporal(self) -> Self:
        if self.view_retention is not None and self.view_retention < self.temporal_retention:
            raise ValueError("VIEW_RETENTION is at least TEMPORAL_RETENTION: what Temporal knows would come back")
        return self

    @model_validator(mode="after")
    def _whole_issuer(self) -> Self:
        if bool(self.auth_issuer) != bool(self.auth_audience):
            raise ValueError("AUTH_ISSUER and AUTH_AUDIENCE go together")
        if self.auth_issuer and not self.auth_jwks_url and not self.auth_issuer.startswith(("https://", "http://")):
            raise ValueError("an AUTH_ISSUER that is no URL needs AUTH_JWKS_URL")
        return self

    def require_authentication_beyond_loopback(self) -> None:
        """
        Raises:
            InsecureConfiguration: the API would listen beyond this machine, and ask nobody who they are.
        """
        if self.auth_issuer is None and not _is_loopback(self.api_host):
            raise InsecureConfiguration(
                f"API_HOST={self.api_host} can be reached from other machines, and nobody would be asked who they are: "
                "set AUTH_ISSUER and AUTH_AUDIENCE, or an API_HOST of this machine alone (127.0.0.1)"
            )

    @cached_property
    def order_policy(self) -> OrderPolicy:
        """What every order taken by this process travels with."""
        return OrderPolicy(
            answer_within=self.order_answer_within,
            rounds=self.order_rounds,
            report_within=self.order_report_within,
            attention_after=self.order_attention_after,
            try_for=self.order_try_for,
            retry_at_most_every=self.order_retry_at_most_every,
            projection_patience=self.order_projection_patience,
            max_reschedules=self.order_max_reschedules,
        )

    @cached_property
    def booking_rules(self) -> BookingRules:
        """By which the management center books visits, and the API checks what is wanted."""
        return BookingRules(
            grid=VisitGrid(self.visit_first_start, timedelta(seconds=self.visit_length), self.visit_time_zone),
            lead=timedelta(seconds=self.visit_lead),
            horizon=timedelta(seconds=self.visit_horizon),
            visits_per_window=self.visits_per_window,
        )

    @cached_property
    def server_address(self) -> str:
        """`host:port` of the Temporal server, existing or embedded."""
        return self.temporal_address or f"127.0.0.1:{self.temporal_port}"

    @property
    def requires_authentication(self) -> bool:
        """Whether the API does."""
        return self.auth_required or self.auth_issuer is not None

    @property
    def api_origins(self) -> list[str]:
        """Of `cors_origins`, each."""
        return _listed(self.cors_origins)

    @property
    def web_ui_origins(self) -> list[str]:
        """As a browser names them."""
        if self.web_ui_origin is not None:
            return [self.web_ui_origin]
        if self.temporal_address is not None:
            return []
        return [f"http://{host}:{self.temporal_ui_port}" for host in ("127.0.0.1", "localhost")]

    @property
    def payload_keys_file(self) -> Path:
        """The keys of who has not said which to use."""
        return self.data_dir / "payload_keys"

    def deployment_name(self, context: str) -> str:
        """The worker deployment of a context: each its own, for a version is whole once all its queues are polled."""
        return f"{self.worker_deployment_name}-{context}"

    def database_url(self, context: str) -> str:
        """The store of a context: its own variable, or a SQLite file in `DATA_DIR`."""
        [record] = [record for record in contexts.RECORDS if record.name == context]
        configured: str | None = getattr(self, record.database_setting)
        return configured or f"sqlite:///{self.data_dir.resolve()}/{context}.db"


def _listed(text: str) -> list[str]:
    return [word for each in text.split(",") if (word := each.strip())]


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
