"""The API process: `python -m api`."""

import math
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from api.app import create_app, stop_serving
from logging_setup import configure_logging
from settings import Settings


class _Server(uvicorn.Server):
    """Ends the streams that would not end by themselves before it waits for requests under way."""

    def __init__(self, app: FastAPI, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._app = app

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await stop_serving(self._app)
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        # uvicorn's own would raise the signal again after a clean stop.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self.handle_exit)
        yield


def main() -> None:
    """Serve until told to stop."""
    settings = Settings()
    configure_logging(settings)
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        host=settings.api_host,
        port=settings.api_port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=math.ceil(settings.graceful_shutdown_seconds),
    )
    _Server(app, config).run()


if __name__ == "__main__":
    main()
