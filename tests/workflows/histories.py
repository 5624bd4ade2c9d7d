"""Histories of orders in files: one event per line, without what a replay does not need."""

import json
from pathlib import Path
from typing import Any

from temporalio.client import WorkflowHistory

FOLDER = Path(__file__).with_name("histories")
_NOT_NEEDED = {
    *("identity", "requestId", "taskId", "namespaceId", "workerVersion", "meteringMetadata"),
    *("userMetadata", "stackTrace"),
}


def file_of(name: str) -> Path:
    """Return the file of a path's history."""
    return FOLDER / f"{name}.json"


def written(history: WorkflowHistory) -> str:
    """Return a history in the format of the files."""
    events = [_needed(event) for event in history.to_json_dict()["events"]]
    for event in events:
        # The queue of one worker is named after its machine.
        event.get("workflowTaskScheduledEventAttributes", {}).pop("taskQueue", None)
    lines = [json.dumps(event, separators=(",", ":")) for event in events]
    return '{"events":[\n' + ",\n".join(lines) + "\n]}\n"


def read(name: str) -> WorkflowHistory:
    """Read a history from its file, with the id that the workflow had."""
    events = WorkflowHistory.from_json(name, file_of(name).read_text()).events
    return WorkflowHistory(events[0].workflow_execution_started_event_attributes.workflow_id, events)


def _needed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _needed(of) for key, of in value.items() if key not in _NOT_NEEDED}
    return [_needed(item) for item in value] if isinstance(value, list) else value
