"""Temporal's payloads as JSON, as its codec protocol sends them."""

import base64
from typing import Any

from httpx2 import Response
from temporalio.api.common.v1 import Payload


def in_json(payload: Payload) -> dict[str, Any]:
    metadata = {name: base64.b64encode(value).decode() for name, value in payload.metadata.items()}
    return {"metadata": metadata, "data": base64.b64encode(payload.data).decode()}


def of_json(answer: Response) -> list[Payload]:
    assert answer.status_code == 200, answer.text
    return [
        Payload(
            metadata={name: base64.b64decode(value) for name, value in each["metadata"].items()},
            data=base64.b64decode(each["data"]),
        )
        for each in answer.json()["payloads"]
    ]
