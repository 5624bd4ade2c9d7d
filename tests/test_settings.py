"""What the environment may say, and what is refused before any process works with it."""

from dataclasses import replace

import pytest
from pydantic import ValidationError

from domain.policy import OrderPolicy
from settings import Settings


def test_without_any_setting_an_order_travels_with_the_policy_of_the_domain(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ANSWER_WITHIN", "ATTENTION_AFTER", "TRY_FOR", "RETRY_AT_MOST_EVERY", "PROJECTION_PATIENCE", "ROUNDS"):
        monkeypatch.delenv(f"ORDER_{name}", raising=False)

    assert Settings().order_policy == replace(OrderPolicy(), rounds=3, report_within=3600)


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
