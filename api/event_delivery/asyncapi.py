"""`/asyncapi.json`: what is sent to the consumers of events (AsyncAPI 3.0), made of the schemas of the API."""

from functools import cache
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from api.event_delivery.schemas import EventResponse, PingEvent
from domain.common.contexts import ORDER_STATUS
from domain.event_delivery.log import type_of
from domain.event_delivery.ping import TYPE as PING_TYPE
from domain.event_delivery.subscriptions import MOST_IN_BATCH
from domain.orders import Event

PATH = "/asyncapi.json"
CONTENT_TYPE = "application/cloudevents+json"
BATCH_CONTENT_TYPE = "application/cloudevents-batch+json"
_CHANNEL = "orderEvents"
_PING = "Ping"
_BATCH = "Batch"
_SCHEMAS = "#/components/schemas/"
_HTTP = {"http": {"method": "POST", "bindingVersion": "0.3.0"}}
_HEADERS = {
    "type": "object",
    "description": "Signature, as Standard Webhooks 1.0 says",
    "required": ["webhook-id", "webhook-timestamp", "webhook-signature"],
    "properties": {
        "webhook-id": {
            "type": "string",
            "description": "The event's `id`, which is the same in each attempt. Of a batch: "
            "`batch-{first}-{last}-{digest}`, with positions in the log and the beginning of the SHA-256 of the body",
        },
        "webhook-timestamp": {
            "type": "string",
            "pattern": "^[0-9]+$",
            "description": "Time of the attempt, in seconds since 1970",
        },
        "webhook-signature": {
            "type": "string",
            "pattern": "^v1,[A-Za-z0-9+/=]+( v1,[A-Za-z0-9+/=]+)*$",
            "description": "HMAC-SHA256 of the id, the timestamp and the bytes of the body, one for each secret",
        },
        "WebHook-Request-Origin": {"type": "string", "description": "Who sends: `EVENT_ORIGIN`"},
    },
}


def install(app: FastAPI) -> None:
    """Serve the document. Like `/openapi.json` it is open to everybody, and rendered once."""

    @cache
    def rendered() -> Response:
        return JSONResponse(document(app.version))

    async def show(_: Request) -> Response:
        return rendered()

    app.add_route(PATH, show, include_in_schema=False)


def document(version: str) -> dict[str, Any]:
    """Return the description of everything that a consumer is sent.

    Args:
        version: The version of the API.
    """
    messages = {event.value: _message(EventResponse, type_of(ORDER_STATUS, event)) for event in Event}
    messages[_PING] = _message(PingEvent, PING_TYPE)
    messages[_BATCH] = {
        "title": "Several events",
        "contentType": BATCH_CONTENT_TYPE,
        "headers": {"$ref": f"{_SCHEMAS}Signature"},
        "payload": {
            "type": "array",
            "minItems": 1,
            "maxItems": MOST_IN_BATCH,
            "items": {"$ref": _SCHEMAS + EventResponse.__name__},
        },
    }
    _, schemas = models_json_schema(
        [(EventResponse, "serialization"), (PingEvent, "serialization")], ref_template=_SCHEMAS + "{model}"
    )
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Events of subscription orders · 가입신청 이벤트",
            "version": version,
            "description": "Events are sent to the `url` of each subscription (`POST /eventSubscriptions`), "
            "each at least once, those of an order in the order of its history. `GET /events` has the same events.",
        },
        "defaultContentType": CONTENT_TYPE,
        "channels": {
            _CHANNEL: {
                "address": None,
                "description": "The `url` of a subscription",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
            }
        },
        "operations": {
            "sendOrderEvents": _operation(
                "Tell what has happened to an order. Any answer `2xx` within 15 seconds confirms the event.",
                [event.value for event in Event],
            ),
            "sendBatches": _operation(
                "Tell what has happened to orders, in the order of the log, if `batch` of the subscription is above 1. "
                "Any answer `2xx` within 15 seconds confirms all events of the batch. If it is refused, its events are "
                "sent one by one. Events of held orders always are.",
                [_BATCH],
            ),
            "sendPing": _operation("Ask whether the consumer takes events. It agrees by any answer `2xx`.", [_PING]),
        },
        "components": {"messages": messages, "schemas": schemas["$defs"] | {"Signature": _HEADERS}},
    }


def _message(model: type[BaseModel], kind: str) -> dict[str, Any]:
    """Return a message whose body is a CloudEvent of one type."""
    this_type = {"type": "object", "properties": {"type": {"const": kind}}}
    return {
        "title": kind,
        "contentType": CONTENT_TYPE,
        "headers": {"$ref": f"{_SCHEMAS}Signature"},
        "payload": {"allOf": [{"$ref": _SCHEMAS + model.__name__}, this_type]},
    }


def _operation(summary: str, messages: list[str]) -> dict[str, Any]:
    channel = f"#/channels/{_CHANNEL}"
    return {
        "action": "send",
        "channel": {"$ref": channel},
        "summary": summary,
        "bindings": _HTTP,
        "messages": [{"$ref": f"{channel}/messages/{name}"} for name in messages],
    }
