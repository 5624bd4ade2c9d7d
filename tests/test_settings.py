"""Settings from the environment, and invalid ones that are refused at the start."""

from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import ValidationError

from domain.order_policy import OrderPolicy
from runtime.settings import InsecureConfiguration, Settings


def test_without_any_setting_an_order_travels_with_the_policy_of_the_domain(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "ANSWER_WITHIN",
        "ATTENTION_AFTER",
        "TRY_FOR",
        "RETRY_AT_MOST_EVERY",
        "PROJECTION_PATIENCE",
        "ROUNDS",
        "MAX_RESCHEDULES",
    ):
        monkeypatch.delenv(f"ORDER_{name}", raising=False)

    assert Settings().order_policy == replace(OrderPolicy(), rounds=3, report_within=3600, max_reschedules=20)


@pytest.mark.parametrize("seconds", ["inf", "nan", "-1", "0", "1e12", "soon"])
def test_a_policy_that_no_workflow_can_reckon_with_is_refused(monkeypatch: pytest.MonkeyPatch, seconds: str) -> None:
    monkeypatch.setenv("ORDER_ANSWER_WITHIN", seconds)

    with pytest.raises(ValidationError, match="order_answer_within"):
        Settings()


def test_half_a_worker_deployment_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKER_DEPLOYMENT_NAME", "orders")
    monkeypatch.delenv("WORKER_BUILD_ID", raising=False)

    with pytest.raises(ValidationError, match="WORKER_BUILD_ID"):
        Settings()


def test_a_setting_of_nothing_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_PORT", "")

    assert Settings().api_port == 8080


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "orders.example"])  # noqa: S104 - what is refused
def test_beyond_this_machine_the_api_is_open_to_nobody(host: str) -> None:
    with pytest.raises(InsecureConfiguration, match="AUTH_ISSUER"):
        Settings(api_host=host).require_authentication_beyond_loopback()
    Settings(
        api_host=host, auth_issuer="https://issuer.example", auth_audience="orders"
    ).require_authentication_beyond_loopback()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_on_this_machine_alone_it_may_be(host: str) -> None:
    Settings(api_host=host).require_authentication_beyond_loopback()


def issuer(name: str, keys: str | None = None) -> dict[str, str]:
    """Return the settings of an issuer and of where its keys are."""
    return {"auth_issuer": name, "auth_audience": "orders"} | ({"auth_jwks_url": keys} if keys else {})


@pytest.mark.parametrize(
    "settings",
    [
        issuer("https://login.example"),
        issuer("https://login.example", "https://keys.example/keys"),
        issuer("https://login.example", "file:///keys.json"),
        issuer("http://127.0.0.1:8180/realms/isp"),
        issuer("http://localhost:8180/realms/isp", "http://[::1]:8180/keys"),
        issuer("urn:isp", "file:///keys.json"),
        issuer("urn:isp", "http://127.0.0.1/keys"),
    ],
)
def test_an_issuer_in_whose_place_nobody_can_answer_is_taken(settings: dict[str, str]) -> None:
    assert Settings.model_validate(settings).auth_issuer == settings["auth_issuer"]


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"auth_issuer": "https://issuer.example"}, "AUTH_AUDIENCE"),
        ({"auth_audience": "orders"}, "AUTH_ISSUER"),
        ({"auth_issuer": "isp", "auth_audience": "orders"}, "AUTH_JWKS_URL"),
        ({"auth_jwks_url": "keys.json"}, "auth_jwks_url"),
        (issuer("http://login.example"), "AUTH_ISSUER"),
        (issuer("http://login.example", "https://login.example/keys"), "AUTH_ISSUER"),
        (issuer("https://login.example", "http://login.example/keys"), "AUTH_JWKS_URL"),
        (issuer("https://login.example", "http://127.0.0.1/keys"), "AUTH_JWKS_URL"),
        (issuer("urn:isp", "http://login.example/keys"), "AUTH_JWKS_URL"),
        (issuer("urn:isp", "http://127.0.0.1.example/keys"), "AUTH_JWKS_URL"),
        (issuer("urn:isp", "https:///keys"), "AUTH_JWKS_URL"),
    ],
)
def test_an_issuer_whom_nobody_could_ask_or_everybody_could_imitate_is_refused(
    settings: dict[str, str], named: str
) -> None:
    with pytest.raises(ValidationError, match=named):
        Settings.model_validate(settings)


def test_a_file_in_the_secrets_directory_sets_what_the_environment_does_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "installation_database_url").write_text("postgresql://of-the-file\n")
    (tmp_path / "order_status_database_url").write_text("postgresql://of-the-file\n")
    monkeypatch.setenv("SECRETS_DIR", str(tmp_path))
    monkeypatch.setenv("ORDER_STATUS_DATABASE_URL", "postgresql://of-the-environment")
    monkeypatch.setenv("INSTALLATION_DATABASE_URL", "")

    settings = Settings()

    assert settings.installation_database_url == "postgresql://of-the-file"
    assert settings.order_status_database_url == "postgresql://of-the-environment"


def test_a_secrets_directory_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SECRETS_DIR", str(tmp_path / "nowhere"))

    with pytest.raises(ValidationError, match="secrets_dir"):
        Settings()


def test_a_view_that_forgets_an_order_before_temporal_does_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPORAL_RETENTION", "86400")
    monkeypatch.setenv("VIEW_RETENTION", "86400")
    assert Settings().view_retention == 86400

    monkeypatch.setenv("VIEW_RETENTION", "157680000")
    assert Settings().view_retention == 5 * 365 * 86400

    monkeypatch.setenv("VIEW_RETENTION", "86399")
    with pytest.raises(ValidationError, match="VIEW_RETENTION"):
        Settings()


def test_a_consumer_is_given_up_before_its_events_are_gone() -> None:
    week = 7 * 86400.0
    assert Settings(event_retention=week, event_give_up_after=week - 1).event_give_up_after == week - 1
    with pytest.raises(ValidationError, match="EVENT_GIVE_UP_AFTER"):
        Settings(event_retention=week, event_give_up_after=week)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("event_retention", 7 * 86400 - 1),
        ("event_source", "subscription orders"),
        ("event_source", "orders"),
        ("event_source", "urn:" + "o" * 200),
    ],
)
def test_events_are_kept_for_a_week_at_least_and_come_from_a_uri(name: str, given: object) -> None:
    with pytest.raises(ValidationError, match=name):
        Settings.model_validate({name: given})


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("trusted_proxies", "10.0.0.0/8, gateway"),
        ("trusted_proxies", "*"),
        ("cors_origins", "*"),
        ("cors_origins", "https://shop.example/"),
        ("rate_limit_customer", "-1"),
    ],
)
def test_who_is_trusted_is_named(name: str, given: str) -> None:
    with pytest.raises(ValidationError, match=name):
        Settings.model_validate({name: given})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EVENT_TARGET_NETWORKS", "10.0.0.1/8"),
        ("EVENT_TARGET_NETWORKS", "here"),
        ("EVENT_FORBIDDEN_PORTS", "0"),
        ("EVENT_FORBIDDEN_PORTS", "ssh"),
        ("EVENT_ORIGIN", "a b"),
        ("EVENT_HANDSHAKE", "perhaps"),
    ],
)
def test_a_setting_about_consumers_that_cannot_be_read_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(ValidationError, match=name.lower()):
        Settings()
