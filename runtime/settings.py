"""Settings of all processes. A process reads them from the environment once, when it starts."""

import os
import re
from datetime import time, timedelta
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, DirectoryPath, Field, SecretStr, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SecretsSettingsSource, SettingsConfigDict

from domain.common import contexts
from domain.order_policy import OrderPolicy
from domain.visits import BookingRules, VisitGrid
from runtime.access_log_key import AccessLogKey
from runtime.addresses import networks
from runtime.event_settings import EventSettings
from runtime.holidays import Country, NationalHolidays
from runtime.issuer_urls import is_loopback
from runtime.payload_binding import PayloadBinding
from runtime.payload_keys import PayloadKeys

Seconds = Annotated[float, Field(gt=0, le=366 * 24 * 60 * 60, allow_inf_nan=False)]
"""Duration with an upper bound: a longer one would overflow in a workflow and stop every order placed with it."""

LogLevel = Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(str.upper)]


class InsecureConfiguration(Exception):
    """The API or the console would be less guarded than it has to be. The text says what to do."""


class Settings(EventSettings):
    """Settings. The name of the environment variable is the field's name in capitals; see docs/configuration.md.

    An empty variable counts as not set. If a variable is not set, a file in `SECRETS_DIR` with the field's name may
    contain the value, so that no password has to be in an environment, which is easily seen.
    """

    model_config = SettingsConfigDict(env_ignore_empty=True, hide_input_in_errors=True)

    api_host: str = "127.0.0.1"
    api_port: int = Field(8080, ge=1, le=65535)
    contact_visible_for: float = Field(7 * 24 * 60 * 60, ge=0, le=10 * 366 * 24 * 60 * 60)
    """Seconds after the end of their work for which engineers still see how to reach the customer."""
    rate_limit_customer: int = Field(300, ge=0)
    """Requests that one customer may send to one process, at once and in a minute; 0: no limit."""
    rate_limit_engineer: int = Field(300, ge=0)
    rate_limit_manager: int = Field(1200, ge=0)
    rate_limit_service: int = Field(30_000, ge=0)
    rate_limit_operator: int = Field(300, ge=0)
    rate_limit_anonymous: int | None = Field(None, ge=0)
    """Requests from one address without a valid token. Unset: 300, or no limit without authentication."""
    max_open_orders_per_customer: int | None = Field(None, ge=0)
    """Unset: 20, or no limit without authentication; 0: no limit."""
    max_listeners_per_client: int | None = Field(None, ge=0)
    """Event streams that one client may have open. Unset: 5, or no limit without authentication; 0: no limit."""
    max_connections: int = Field(2000, ge=0)
    """Connections to one API process; 0: no limit."""
    max_connections_per_address: int | None = Field(None, ge=0)
    """Connections from one address. Unset: 200, or no limit without authentication; 0: no limit."""
    trusted_proxies: str = Field("", max_length=2000)
    """Addresses and networks, separated by commas, whose `X-Forwarded-For` header is trusted."""
    allowed_hosts: str = Field("", max_length=2000)
    """Names, separated by commas, by which clients may call an API without authentication, beside those of loopback."""
    cors_origins: str = Field("", max_length=2000)
    """Origins, separated by commas, whose pages may call the API from a browser. Default: none."""
    worker_host: str = "127.0.0.1"
    worker_port: int = Field(8081, ge=1, le=65535)
    temporal_address: str | None = None
    """Address of an existing server. Unset: `make run` starts the embedded one."""
    temporal_port: int = Field(7233, ge=1, le=65535)
    temporal_ui_port: int = Field(8233, ge=1, le=65535)
    data_dir: Path = Path("var")
    secrets_dir: DirectoryPath | None = None
    """Directory of files named like these fields, each with one setting. The environment takes precedence."""
    management_center_database_url: str | None = None
    installation_database_url: str | None = None
    order_status_database_url: str | None = None
    audit_database_url: str | None = None
    audit_heads_file: Path | None = None
    """File in which the API keeps heads of the audit chain. Unset: as `audit_heads`."""
    access_log_key: SecretStr | None = None
    """Key of the hashes of customers in the access log: 32 bytes in base64. Unset: the file `access_log_key_file`."""
    access_log_retention: float = Field(2 * 365 * 24 * 60 * 60, ge=24 * 60 * 60, le=20 * 366 * 24 * 60 * 60)
    """Seconds after which entries of the access log are removed."""
    bulk_read_people: int = Field(1000, ge=0)
    """An actor who has read of more people within an hour raises an alert; 0: no alert."""
    web_ui_origin: str | None = Field(None, pattern=r"^https?://[^/\s]+$", max_length=2000)
    """Origin of Temporal's Web UI, whose pages may have payloads decrypted. Unset: the embedded Web UI."""
    payload_keys: SecretStr | None = None
    """Keys that encrypt what Temporal stores; see `runtime.payload_keys`. Unset: the file `payload_keys_file`."""
    payload_binding: PayloadBinding | None = None
    """What is written to Temporal, and what is refused. Unset: the file `payload_binding_file`, or `accept`."""
    max_starts_in_flight: int = Field(8, ge=1)
    """Orders that a process starts in Temporal at once. More have to wait, so that orders already placed move on.

    The embedded server writes them one after the other, but is not idle between two of them. A cluster handles more.
    """
    worker_deployment_name: str | None = None
    """With `WORKER_BUILD_ID`: the release of this process; see `deployment_name`."""
    worker_build_id: str | None = None
    max_cached_workflows: int = Field(10_000, ge=1)
    """Orders that a worker caches, at some 230 KB each. An active order that is not cached costs a replay."""
    max_concurrent_workflow_tasks: int = Field(100, ge=2, le=1000)
    """Workflow tasks that one worker executes at once, for each queue."""
    max_concurrent_activities: int = Field(100, ge=1, le=1000)
    """Activities that one worker executes at once, for each queue. More stay in the queue, for other workers."""
    graceful_shutdown_seconds: Seconds = 5
    """How long a stopping process waits for work in progress."""
    drain_seconds: float = Field(0, ge=0, le=600)
    """How long a stopping API still serves requests, until load balancers have noticed that it stops."""
    reconcile_every: float = Field(600, ge=0, le=24 * 60 * 60)
    """Seconds between two comparisons of the managers' view with the workflows; 0: none."""
    view_retention: float | None = Field(None, gt=0, le=10 * 366 * 24 * 60 * 60, allow_inf_nan=False)
    """How long the managers' view keeps an ended order, and other stores its customer's data. Unset: forever."""
    temporal_retention: float = Field(72 * 60 * 60, ge=60 * 60, le=366 * 24 * 60 * 60)
    """How long Temporal keeps an ended order. Applied to the embedded server; has to match the value of another one."""
    log_level: LogLevel = "INFO"
    """SIGUSR1 changes a running process to DEBUG, SIGUSR2 back to this level."""
    otel_exporter_otlp_endpoint: str | None = None
    """URL to which traces are sent by OTLP over HTTP. Unset: no traces. OpenTelemetry's other settings apply, too."""
    otel_service_name: str | None = None
    """Name of the process in traces. Default: `api`, `worker`, or `CONTEXT-worker` for a single context."""
    visit_time_zone: ZoneInfo = ZoneInfo("Asia/Seoul")
    """This and the next six settings are the rules for booking visits; see `BookingRules`."""
    visit_first_start: time = time(9)
    visit_length: Seconds = Field(2 * 60 * 60, ge=15 * 60, le=24 * 60 * 60, multiple_of=60)
    visit_lead: float = Field(24 * 60 * 60, ge=0, le=366 * 24 * 60 * 60)
    visit_horizon: Seconds = 60 * 24 * 60 * 60
    visits_per_window: int = Field(1, ge=1, le=100)
    holidays: Country = "KR"
    order_answer_within: Seconds = OrderPolicy.answer_within
    """This and the following settings, in seconds, are the policy of new orders; see `OrderPolicy`."""
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
        """Order of precedence: arguments, environment, files in `SECRETS_DIR`."""
        directory = os.environ.get("SECRETS_DIR")
        if not directory or not Path(directory).is_dir():  # the field itself refuses a path that is no directory
            return init_settings, env_settings
        return init_settings, env_settings, SecretsSettingsSource(settings_cls, secrets_dir=directory)

    @field_validator("payload_keys", "access_log_key")
    @classmethod
    def _keys(cls, keys: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if keys is not None:
            parse = AccessLogKey.parse if info.field_name == "access_log_key" else PayloadKeys.parse
            parse(keys.get_secret_value())
        return keys

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, proxies: str) -> str:
        networks(proxies)
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
            raise ValueError("WORKER_DEPLOYMENT_NAME and WORKER_BUILD_ID have to be set together")
        return self

    @model_validator(mode="after")
    def _view_outlives_temporal(self) -> Self:
        if self.view_retention is not None and self.view_retention < self.temporal_retention:
            raise ValueError(
                "VIEW_RETENTION has to be at least TEMPORAL_RETENTION: orders that Temporal still keeps would come back"
            )
        return self

    def require_authentication_beyond_loopback(self) -> None:
        """
        Raises:
            InsecureConfiguration: the API would be reachable from other machines without authentication.
        """
        if self.auth_issuer is None and not is_loopback(self.api_host):
            raise InsecureConfiguration(
                f"API_HOST={self.api_host} can be reached from other machines, but authentication is off: "
                "set AUTH_ISSUER and AUTH_AUDIENCE, or an API_HOST that only this machine can reach (127.0.0.1)"
            )

    @cached_property
    def order_policy(self) -> OrderPolicy:
        """Policy of the orders that are placed through this process."""
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
        """Rules by which the management center books visits and the API checks requested windows."""
        return BookingRules(
            grid=VisitGrid(self.visit_first_start, timedelta(seconds=self.visit_length), self.visit_time_zone),
            lead=timedelta(seconds=self.visit_lead),
            horizon=timedelta(seconds=self.visit_horizon),
            visits_per_window=self.visits_per_window,
            holidays=self.national_holidays,
        )

    @cached_property
    def national_holidays(self) -> NationalHolidays:
        """Holidays on which nobody works but in an extra shift."""
        return NationalHolidays(self.holidays)

    @cached_property
    def server_address(self) -> str:
        """Address (`host:port`) of the Temporal server, existing or embedded."""
        return self.temporal_address or f"127.0.0.1:{self.temporal_port}"

    @property
    def api_origins(self) -> list[str]:
        """The origins in `cors_origins`."""
        return _listed(self.cors_origins)

    @property
    def api_hosts(self) -> list[str]:
        """The names in `allowed_hosts`."""
        return _listed(self.allowed_hosts)

    @property
    def web_ui_origins(self) -> list[str]:
        """Origins of Temporal's Web UI, as a browser sends them."""
        if self.web_ui_origin is not None:
            return [self.web_ui_origin]
        if self.temporal_address is not None:
            return []
        return [f"http://{host}:{self.temporal_ui_port}" for host in ("127.0.0.1", "localhost")]

    @property
    def payload_keys_file(self) -> Path:
        """File with the keys if `payload_keys` is not set."""
        return self.data_dir / "payload_keys"

    @property
    def tracking_keys_file(self) -> Path:
        """File with the keys if `tracking_keys` is not set. Without it, there are no tracking tokens."""
        return self.data_dir / "tracking_keys"

    @property
    def payload_binding_file(self) -> Path:
        """File with the binding if `payload_binding` is not set and the server is the embedded one."""
        return self.data_dir / "payload_binding"

    @property
    def access_log_key_file(self) -> Path:
        """File with the key if `access_log_key` is not set."""
        return self.data_dir / "access_log_key"

    @property
    def audit_heads(self) -> Path | None:
        """File with heads of the audit chain. Without a setting, there is one in `DATA_DIR` if the audit is there."""
        return self.audit_heads_file or (None if self.audit_database_url else self.data_dir / "audit_heads")

    def deployment_name(self, context: str) -> str:
        """Return the worker deployment of a context.

        Each context has its own, because a version is complete only when all its queues are polled.
        """
        return f"{self.worker_deployment_name}-{context}"

    def database_url(self, context: str) -> str:
        """Return the database URL of a context: its own setting, or a SQLite file in `DATA_DIR`."""
        [record] = [record for record in contexts.RECORDS if record.name == context]
        configured: str | None = getattr(self, record.database_setting)
        return configured or f"sqlite:///{self.data_dir.resolve()}/{context}.db"


def _listed(text: str) -> list[str]:
    return [word for each in text.split(",") if (word := each.strip())]
