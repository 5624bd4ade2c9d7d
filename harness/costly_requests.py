"""Invalid requests that would cost the most: each is as large as the wire lets through, and wrong in every part.

They are made from the OpenAPI document, so that a new operation is included. Nothing is sent here.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any

from api.http.bodies import LARGEST_BODY, LARGEST_PAYLOADS, LONGEST_INTEGER, MOST_SEPARATORS, MOST_VALUES

LARGEST_QUERY = 20 * 1024
"""Bytes of a query. The rest of the head's 32 KiB is for the path, a token and the other header fields."""
_PARAMETERS, _OF_ONE_NAME = 100, 50
"""The largest numbers of parameters that are looked at."""
_ELEMENTS = 100
"""Elements of a list or a map without a bound in the document."""
_WRONG = "\x00"
"""No parameter and no member takes a control character, whatever its type."""
_WRONG_PARAMETER, _WRONG_MEMBER = "%00", json.dumps(_WRONG)
_AROUND = 200
"""Bytes for what is around the part of a body that fills it."""
_VALUES_AROUND = 10
"""Values around it."""
_READABLE_DEPTH = 400
"""Nested lists that a parser of JSON still reads."""

Schema = Mapping[str, Any]


@dataclass(frozen=True)
class CostlyRequest:
    """A request that is refused, and that would cost much if it were looked at as a whole."""

    route: str
    """The method and the path, as in `api.security.permissions.RULES`."""
    kind: str
    """What there is too much of."""
    query: str = ""
    body: bytes | None = None
    """JSON. `None`: no body."""

    @property
    def method(self) -> str:
        """The method."""
        return self.route.partition(" ")[0]

    def target(self, named: Mapping[str, str]) -> str:
        """Return the path and the query, with the parameters of the path filled in."""
        path = self.route.partition(" ")[2].format_map(named)
        return f"{path}?{self.query}" if self.query else path


def costly_requests(document: Mapping[str, Any]) -> Iterator[CostlyRequest]:
    """Make the requests for every operation of an OpenAPI document."""
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            route = f"{method.upper()} {path}"
            parameters = {each["name"]: each for each in operation.get("parameters", ()) if each["in"] == "query"}
            for kind, query in _queries(parameters):
                yield CostlyRequest(route, kind, query=query)
            content = operation.get("requestBody", {}).get("content", {})
            if schema := content.get("application/json", {}).get("schema"):
                bounds = (LARGEST_BODY, MOST_VALUES)
                if path.startswith("/codec/"):
                    bounds = (LARGEST_PAYLOADS, MOST_SEPARATORS)
                for kind, body in _Bodies(document["components"]["schemas"], *bounds).of(schema):
                    yield CostlyRequest(route, kind, body=body.encode())


def _queries(parameters: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "parameters of one name", _filled(lambda _: "unknown=", "&", LARGEST_QUERY)
    yield "parameters", _filled("p{}".format, "&", LARGEST_QUERY)
    for name in parameters:
        wrong = f"{name}={_WRONG_PARAMETER}"
        yield f"{name} repeated", "&".join([wrong] * (LARGEST_QUERY // len(f"{wrong}&")))
        yield f"{name} for every parameter", "&".join([wrong] * _PARAMETERS)
        yield f"{name} too long", f"{wrong}{'x' * (LARGEST_QUERY - len(wrong))}"
    # Of a parameter that is no list, only the last one is looked at.
    lists = [name for name, each in parameters.items() if '"items"' in json.dumps(each["schema"])]
    if names := lists or list(parameters):
        most = islice(cycle(names), min(_PARAMETERS, _OF_ONE_NAME * len(names)))
        yield "every parameter wrong", "&".join(f"{name}={_WRONG_PARAMETER}" for name in most)


@dataclass(frozen=True)
class _Bodies:
    """Makes the bodies of one operation."""

    schemas: Mapping[str, Schema]
    """The schemas to which others refer."""
    largest: int
    """Bytes of a body."""
    most_values: int
    """Values of a body whose members are looked at."""

    def of(self, schema: Schema) -> Iterator[tuple[str, str]]:
        """Yield what there is too much of, and the body."""
        first = next(iter(self._resolved(schema)["properties"]))
        yield "every member wrong", json.dumps(self._wrong(schema))
        yield "unknown members", self._full("{", '"u{}":0'.format, "}")
        yield "elements of an unknown list", self._full('{"unknown":[', lambda _: "[]", "]}")
        yield "nesting", f'{{"unknown":{"[" * _READABLE_DEPTH}{"]" * _READABLE_DEPTH}}}'
        yield "unreadable nesting", '{"unknown":' + "[" * (self.largest - _AROUND)
        yield "digits", self._full(f'{{"{first}":[', lambda _: "9" * LONGEST_INTEGER, "]}")
        yield "escapes", self._full(f'{{"{first}":"', lambda _: r"\u0000", '"}', between="")
        for name, member in self._resolved(schema)["properties"].items():
            yield from self._containers(member, f'{{"{name}":', "}", name)

    def _containers(self, schema: Schema, before: str, after: str, where: str) -> Iterator[tuple[str, str]]:
        """Yield a body for each list and each map that a schema contains, filled with wrong elements."""
        schema = self._resolved(schema)
        if "items" in schema:
            yield from self._both(f"elements of {where}", f"{before}[", lambda _: _WRONG_MEMBER, f"]{after}")
            yield from self._containers(schema["items"], f"{before}[", f"]{after}", f"{where}/0")
        elif isinstance(schema.get("additionalProperties"), dict):
            begin, end = f"{before}{{", f"}}{after}"
            yield from self._both(f"members of {where}", begin, f'"{{}}":{_WRONG_MEMBER}'.format, end)
            name = self._full('"', lambda _: r"\u0001", f'":{_WRONG_MEMBER}', between="")
            yield f"a name in {where}", f"{begin}{name}{end}"
        for name, member in schema.get("properties", {}).items():
            yield from self._containers(member, f'{before}{{"{name}":', f"}}{after}", f"{where}/{name}")

    def _wrong(self, schema: Schema) -> Any:
        """Return a value of the largest allowed size in which every element is wrong."""
        schema = self._resolved(schema)
        if "properties" in schema:
            return {name: self._wrong(member) for name, member in schema["properties"].items()}
        if "items" in schema:
            return [self._wrong(schema["items"])] * schema.get("maxItems", _ELEMENTS)
        if isinstance(schema.get("additionalProperties"), dict):
            return {str(index): _WRONG for index in range(schema.get("maxProperties", _ELEMENTS))}
        return _WRONG

    def _resolved(self, schema: Schema) -> Schema:
        """Follow references. Of alternatives, the first counts, which is not `null`."""
        while "$ref" in schema or "anyOf" in schema:
            schema = schema["anyOf"][0] if "anyOf" in schema else self.schemas[schema["$ref"].rpartition("/")[2]]
        return schema

    def _both(self, what: str, before: str, element: Callable[[int], str], after: str) -> Iterator[tuple[str, str]]:
        """Yield a body with as many elements as are sent, and one with as many as are looked at."""
        yield what, self._full(before, element, after)
        yield f"some {what}", before + ",".join(map(element, range(self.most_values - _VALUES_AROUND))) + after

    def _full(self, before: str, element: Callable[[int], str], after: str, between: str = ",") -> str:
        return before + _filled(element, between, self.largest - _AROUND) + after


def _filled(element: Callable[[int], str], between: str, room: int) -> str:
    """Join as many elements as there is room for."""
    found: list[str] = []
    size = 0
    while (size := size + len(text := element(len(found))) + len(between)) <= room:
        found.append(text)
    return between.join(found)
