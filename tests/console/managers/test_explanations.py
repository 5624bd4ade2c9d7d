"""What the service says about an order is said in the language of the page."""

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from console.labels import labeler
from console.managers import explanations
from console.managers.explanations import HELP, INCOMPLETE, INSTALLATION, OBSTACLE, Explanations, regions_in_question
from console.texts import Texts
from domain.installation import IncompleteReason, InstallationStatus
from domain.management_center.candidates import Obstacle
from domain.orders import AttentionReason

ROOT = Path(__file__).parents[3]
SEOUL = ZoneInfo("Asia/Seoul")
pytestmark = pytest.mark.usefixtures("in_2026")


def explained(language: str) -> Explanations:
    return Explanations(Texts(language, SEOUL), lambda actor: f"<{actor}>")


def test_every_code_of_the_service_has_a_text() -> None:
    assert HELP.keys() == {reason.value for reason in AttentionReason}
    assert OBSTACLE.keys() == {obstacle.value for obstacle in Obstacle}
    assert INCOMPLETE.keys() == {reason.value for reason in IncompleteReason}
    assert INSTALLATION.keys() == {status.value for status in InstallationStatus}


def test_every_sentence_that_is_translated_is_one_of_the_service() -> None:
    code = "".join(
        file.read_text(encoding="utf-8")
        for folder in ("workflows", "api", "domain")
        for file in (ROOT / folder).rglob("*.py")
    )

    for sentence in explanations.SENTENCES:
        assert f'"{sentence}"' in code, sentence


def recorded_sentences(module: str) -> Iterator[str]:
    """Yield the English sentences in a module of the workflows that are no docstrings and no words of an exception."""
    tree, names = ast.parse((ROOT / f"{module.replace('.', '/')}.py").read_bytes()), vars(import_module(module))
    elsewhere: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            elsewhere.add(node.value)
        elif isinstance(node, ast.JoinedStr):
            elsewhere |= set(node.values)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            called = names.get(node.func.id)
            if isinstance(called, type) and issubclass(called, BaseException):
                elsewhere |= set(node.args)
    for node in ast.walk(tree):
        if node not in elsewhere and _SENTENCE.fullmatch(text := _text(node)):
            yield text


_SENTENCE = re.compile(r"\w[\w,'-]*( [\w,'-]+)+", re.ASCII)


def _text(node: ast.AST) -> str:
    """Return the text of a literal, with a number in place of each value, or nothing."""
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) or "3" for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def test_every_sentence_that_an_order_records_is_translated() -> None:
    modules = [f"workflows.orders.{file.stem}" for file in (ROOT / "workflows" / "orders").glob("[!_]*.py")]
    sentences = [sentence for module in modules for sentence in recorded_sentences(module)]

    assert {"the engineer cannot come", "3 engineers have been asked"} <= set(sentences)
    for sentence in sentences:
        assert explained("ko").of(sentence) != sentence


@pytest.mark.parametrize(
    ("detail", "said"),
    [
        ("fewest visits that day (0) in KR-11", "그날 방문이 가장 적음(0건) · 서울"),
        (
            "fewest visits that day (2) in KR-26 with fiber, tv; 2026-12-01T00:00Z was not free",
            "그날 방문이 가장 적음(2건) · 부산 · 기술: fiber, tv · 12월 1일 (화) 09:00에는 빈 시간이 없음",
        ),
        ("as before in KR-11", "이전과 같은 기사 · 서울"),
        ("assigned by manager:kim", "직접 배정: <manager:kim>"),
        (
            "assigned by manager:kim; 2026-12-01T00:00Z was not free",
            "직접 배정: <manager:kim> · 12월 1일 (화) 09:00에는 빈 시간이 없음",
        ),
        ("instead of 2026-12-01 00:00:00 UTC", "이전 일정: 12월 1일 (화) 09:00"),
        ("3 engineers have been asked", "기사 3명에게 요청함"),
        ("the address may be in KR-11, KR-26", "가능한 지역: 서울, 부산"),
        ("fewest visits that day (0) in KR-99", "그날 방문이 가장 적음(0건) · KR-99"),
        ("차량 고장", "차량 고장"),
        ("<b>100 %(percent)s</b>", "<b>100 %(percent)s</b>"),
    ],
)
def test_a_reason_is_said_in_korean_and_the_words_of_people_stay(detail: str, said: str) -> None:
    assert explained("ko").of(detail) == said


def test_an_installation_is_installed_and_an_order_is_completed() -> None:
    texts = Texts("ko", SEOUL)

    assert texts(INSTALLATION["COMPLETED"]) == "설치 완료"
    assert labeler(texts)("status", "JOIN_COMPLETED") == "개통 완료"


@pytest.mark.parametrize(
    ("event", "detail", "said"),
    [
        ("InstallationRequested", "engineer:kr-11-1", "<engineer:kr-11-1>"),
        ("EngineerAwaited", "NO_CAPACITY", "No engineer is free"),
        ("AttentionAcknowledged", "OF_A_NEWER_RELEASE", "OF_A_NEWER_RELEASE"),
        ("InstallationIncomplete", "CUSTOMER_ABSENT", "The customer was not there"),
        ("InstallationDeclined", "CUSTOMER_ABSENT", "CUSTOMER_ABSENT"),
        ("OfANewerRelease", "whatever", "whatever"),
        ("JoinOrdered", None, None),
    ],
)
def test_what_a_detail_means_depends_on_the_event(event: str, detail: str | None, said: str | None) -> None:
    assert explained("en").of_event(event, detail) == said


def test_the_regions_of_an_ambiguous_address_are_found_in_its_detail() -> None:
    assert regions_in_question("the address may be in KR-11, KR-26") == ["KR-11", "KR-26"]
    assert regions_in_question("3 engineers have been asked") == []
    assert regions_in_question(None) == []


def test_no_reason_is_taken_apart_that_only_begins_like_one() -> None:
    assert not re.search("방문", explained("ko").of("fewest visits that day, they say"))
