"""Checks that hold for every problem."""

from typing import Any

from httpx2 import Response


def assert_problem(answer: Response, status: int, slug: str) -> dict[str, Any]:
    """Check that a response is this problem, as RFC 9457 and the contract require. Returns its members."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["type"].endswith(f"/{slug}")
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    assert ("Retry-After" in answer.headers) == (status in (429, 503))
    assert ("errors" in problem) == (slug == "invalid-input")
    return problem
