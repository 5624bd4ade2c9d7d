"""Texts that show something other than what they contain are refused, wherever a text is taken."""

import re
import sys
import unicodedata
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from api.http.fields import PRINTABLE
from domain.common.texts import bounded, is_hidden
from runtime.settings import Settings
from tests.api.problems import assert_problem
from tests.api.service import Service
from tests.whole import is_whole

HIDDEN = {
    "right-to-left override": "\u202e",
    "isolate": "\u2066",
    "zero-width space": "\u200b",
    "byte order mark": "\ufeff",
    "soft hyphen": "\u00ad",
    "tag": "\U000e0041",
    "line separator": "\u2028",
    "paragraph separator": "\u2029",
    "escape": "\x1b",
}
SHOWN = ("가\u3000나", "👨\u200d👩\u200d👧", "می\u200cخواهم", "e\u0301", "☎️", "\U0010fffd")
"""Wide blanks, joiners, combining signs, variation selectors, and characters of private use."""


@pytest.fixture
def settings(without_temporal: Settings) -> Settings:
    return without_temporal


def members_of(document: dict[str, Any], operation: dict[str, Any]) -> Iterator[tuple[str, bool]]:
    """Yield the members of an operation's body, and whether they are lists."""
    content = operation.get("requestBody", {}).get("content", {})
    for schema in (each["schema"] for each in content.values()):
        first = schema.get("anyOf", [schema])[0]
        found = document["components"]["schemas"][first["$ref"].rpartition("/")[2]]
        for name, member in found["properties"].items():
            yield name, member.get("type") == "array"


# One rule refuses them all, so it is enough to send one of them wherever a text is taken.
@pytest.mark.multiplied
@pytest.mark.parametrize("hidden", list(HIDDEN) if is_whole() else ["right-to-left override"])
async def test_no_text_may_contain_what_is_not_seen(service: Service, hidden: str) -> None:
    text, document = f"Seoul{HIDDEN[hidden]}1", service.app.openapi()
    wrong: list[tuple[str, str, object]] = []
    for path, operations in document["paths"].items():
        target = re.sub("{.*?}", "default", path)
        for method, operation in operations.items():
            for parameter in operation.get("parameters", ()):
                if parameter["in"] == "query":
                    sent = f"{target}?{parameter['name']}={quote(text)}"
                    answer = await service.http.request(method, sent)
                    if answer.status_code != 400:
                        wrong.append((method, sent, answer.status_code))
            for name, is_list in members_of(document, operation):
                answer = await service.http.request(method, target, json={name: [text] if is_list else text})
                problem = assert_problem(answer, 422, "invalid-input")
                if not any(error["pointer"].startswith(f"/{name}") for error in problem["errors"]):
                    wrong.append((method, target, name))
    assert wrong == []


async def test_the_reason_is_told(service: Service) -> None:
    answer = await service.http.post("/orders", json={"note": "\u202e1 luoeS"})

    details = {error["pointer"]: error["detail"] for error in assert_problem(answer, 422, "invalid-input")["errors"]}
    assert details["/note"] == "must not contain control characters or invisible characters"


@pytest.mark.parametrize("text", SHOWN)
async def test_other_writing_is_taken(service: Service, text: str) -> None:
    assert (await service.http.get("/orderStatuses", params={"q": text})).status_code == 200


@pytest.mark.parametrize("hidden", HIDDEN)
async def test_each_of_them_is_refused(service: Service, hidden: str) -> None:
    text = f"Seoul{HIDDEN[hidden]}1"

    assert (await service.http.get("/orderStatuses", params={"q": text})).status_code == 400
    answer = await service.http.post("/orders", json={"note": text})
    assert "/note" in {error["pointer"] for error in assert_problem(answer, 422, "invalid-input")["errors"]}


def test_the_document_excludes_nothing_that_is_taken() -> None:
    described = re.compile(PRINTABLE)
    for sign in map(chr, range(sys.maxunicode + 1)):
        assert described.fullmatch(sign) or is_hidden(sign), hex(ord(sign))


def test_a_message_that_bypasses_the_api_loses_them() -> None:
    assert bounded("".join(HIDDEN.values()) + "Seoul") == "Seoul"
    for text in SHOWN:
        assert bounded(text) == text
    assert {unicodedata.category(sign) for sign in HIDDEN.values()} == {"Cc", "Cf", "Zl", "Zp"}
