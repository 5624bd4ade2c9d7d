"""Runs fake parts as the supervisor runs the real ones: `fake_service.py DATA_DIR PLAN [PARENT]`, the plan as JSON."""

import json
import sys
from pathlib import Path
from typing import Any

from supervisor.main import supervise
from supervisor.part import Limits, Listener, Part, Service, Step

_FAKE_PART = str(Path(__file__).with_name("fake_part.py"))


def _service(data_dir: Path, plan: dict[str, Any]) -> Service:
    items: list[Part | Step] = []
    for name, told in plan["items"].items():
        if "script" in told:
            items.append(Step(name, (sys.executable, "-c", told["script"]), "preparing the fake"))
        else:
            port, behavior = told["port"], told.get("behavior", "")
            command = (sys.executable, _FAKE_PART, name, str(port), str(data_dir / "journal"), behavior)
            health = f"http://127.0.0.1:{port}/health"
            items.append(Part(name, command, port, f"{health}/ready", f"{health}/live"))
    ports = [
        Listener(f"{item.name.upper()}_PORT", "127.0.0.1", item.port, f"the fake {item.name}")
        for item in items
        if isinstance(item, Part)
    ]
    return Service(items, ports, ["everything is ready"], data_dir, Limits(**plan["limits"]))


if __name__ == "__main__":
    parent = int(sys.argv[3]) if sys.argv[3:] else None
    sys.exit(supervise(_service(Path(sys.argv[1]), json.loads(sys.argv[2])), parent))
