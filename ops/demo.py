"""Walk through the scenario on the service that `make run` started, and print each step with the time it took.

Where the console runs, the steps can be watched there.
"""

import argparse
import sys
import urllib.error
from collections.abc import Sequence

from ops.demo_console import console_of, show_console
from ops.demo_consumer import other_system
from ops.demo_walk import ORDER, PATIENCE, Surprise, Walk
from ops.terminal import Terminal
from runtime.settings import Settings


def completed(walk: Walk) -> None:
    """Play the scenario: order → accepted installation → completed."""
    walk.terminal.title("1. 주문에서 설치 완료까지 · From the order to the finished installation")
    walk.order()
    walk.until("INSTALLATION_REQUESTED")
    walk.engineer("accept", "설치 수락 · The engineer accepts")
    walk.until("INSTALLATION_ACCEPTED")
    walk.engineer("complete", "설치 완료 · The engineer reports completion")
    walk.until("JOIN_COMPLETED")
    walk.installation("COMPLETED")
    walk.view(lambda row: row["status"] == "JOIN_COMPLETED", "진행상태 · The managers see it")


def canceled(walk: Walk) -> None:
    """Play the scenario: order → canceled with its installation."""
    walk.terminal.title("2. 주문 취소와 설치 취소를 함께 · The order and its installation are canceled together")
    walk.order()
    walk.until("INSTALLATION_REQUESTED")
    walk.do(200, "취소 · The customer cancels", "POST", f"/orders/{walk.order_id}/cancel", {"reason": "moving house"})
    walk.until("ORDER_CANCELED")
    walk.installation("CANCELED")
    walk.view(lambda row: row["status"] == "ORDER_CANCELED", "진행상태 · The managers see it")


def refused(walk: Walk) -> None:
    """Play the scenario: cancel after completion → refused."""
    walk.terminal.title("3. 완료된 주문은 취소되지 않는다 · A completed order cannot be canceled")
    walk.order()
    walk.until("INSTALLATION_REQUESTED")
    walk.engineer("accept", "설치 수락 · The engineer accepts")
    walk.engineer("complete", "설치 완료 · The engineer reports completion")
    path = f"/orders/{walk.order_id}/cancel"
    problem = walk.do(409, "취소 거절 · The cancel is refused", "POST", path, {"reason": "too late"})
    walk.terminal.step(0, f"{problem['title']}: {problem['detail']}")
    walk.installation("COMPLETED")


def day_in_the_field(walk: Walk) -> None:
    """Play the scenario: requested window, decline, reassignment, another window, failed visit, completion."""
    walk.terminal.title("4. 현장의 하루 · A day in the field")
    walk.do(200, "상품 · What can be ordered", "GET", "/managementCenters/products")
    first, second, third = walk.windows(3)
    note = "초인종 고장 · The doorbell is broken"
    walk.order(f"희망 방문 시간 · A customer orders, and wants {walk.local(first)}", preferredVisit=first, note=note)
    walk.visit(first)
    walk.work_list(walk.engineer_id, first, note)
    walk.engineer("decline", "설치 거절 · The engineer declines", {"reason": "another visit takes longer"})
    walk.visit(first)
    accepted = walk.engineer("accept", "설치 수락 · The next one accepts")
    path, chosen = f"/managementCenters/assignments/{walk.order_id}", walk.candidate(accepted)
    walk.do(200, "기사 변경 · A manager gives it to a third", "PUT", path, {"engineerId": chosen})
    walk.visit(first)
    walk.engineer("accept", "설치 수락 · Who accepts")
    walk.reschedule(second, "방문 변경 · The customer wants another time")
    walk.engineer("accept", "설치 수락 · The engineer accepts again")
    walk.engineer("start", "설치 시작 · The engineer is there")
    walk.engineer("incomplete", "방문 실패 · Nobody is at home", {"reason": "CUSTOMER_ABSENT", "note": "rang twice"})
    walk.until("AWAITING_RESCHEDULE")
    walk.reschedule(third, "방문 재예약 · The customer names the next time")
    walk.engineer("accept", "설치 수락 · The engineer accepts")
    walk.engineer("start", "설치 시작 · The engineer is there")
    walk.engineer("complete", "설치 완료 · The engineer reports completion", {"serials": ["AP-2001-0042"]})
    walk.until("JOIN_COMPLETED")
    walk.installation("COMPLETED")


def main(arguments: Sequence[str] | None = None) -> int:
    """Play all scenarios. Returns 0 if all of them succeeded."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pace", type=float, default=0.0, help="seconds to wait after each step (default: 0)")
    settings, pace = Settings(), parser.parse_args(arguments).pace
    api = f"http://{settings.api_host}:{settings.api_port}"
    walk = Walk(api, Terminal(), settings.visit_time_zone, settings.data_dir, console_of(settings), pace)
    try:
        walk.use_tokens_if_required()
        if walk.console:
            ask = input if sys.stdin.isatty() and sys.stdout.isatty() else None
            show_console(walk.console, settings, walk.terminal, ORDER["customerId"], ask=ask)
        with other_system(walk.call, walk.terminal) as other:
            for part in (completed, canceled, refused, day_in_the_field):
                part(walk)
                walk.terminal.title("다른 시스템 · What the other system is told of it")
                if not other.show(walk.order_id, PATIENCE):
                    raise Surprise(f"not every event has come after {PATIENCE:.0f} s")
    except urllib.error.URLError as error:
        walk.terminal.fail(f"{walk.api} does not answer ({error.reason}); is `make run` up?")
        return 1
    except (Surprise, RuntimeError, OSError) as error:
        walk.terminal.fail(str(error))
        return 1
    ui = f"http://127.0.0.1:{settings.temporal_ui_port}/namespaces/default/workflows/order-{walk.order_id}"
    walk.terminal.title("시나리오 통과 · The scenario has passed")
    if settings.temporal_address is None:
        print(f"  Temporal Web UI: {ui}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
