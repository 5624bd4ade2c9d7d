"""What all requests share: the parts of one console process."""

from dataclasses import dataclass, field
from typing import Any

import httpx2

from console.availability import Availability
from console.rendering import Renderer
from console.routing import RouteTable
from console.sessions import SessionCookies
from console.streams import Streams
from runtime.settings import Settings


@dataclass(frozen=True)
class Console:
    """The parts of the process."""

    settings: Settings
    client: httpx2.AsyncClient
    """Connections to the API."""
    cookies: SessionCookies
    renderer: Renderer
    availability: Availability
    table: RouteTable
    streams: Streams
    secure: bool
    """Whether browsers reach the console by https."""
    memory: dict[str, Any] = field(default_factory=dict)
    """Last good answers of the API that are the same for everybody, for while it gives none."""
