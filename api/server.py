"""The HTTP server of the API."""

from functools import partial

from api.app import create_app, stop_serving
from api.security.limits import limits_of
from observability.http_metrics import ConnectionMetrics
from observability.telemetry import SILENT, Telemetry
from runtime.http_server import DrainingServer
from runtime.settings import Settings


class Server(DrainingServer):
    """Serves the API until it is told to stop."""

    def __init__(self, settings: Settings, telemetry: Telemetry = SILENT) -> None:
        self._app = create_app(settings, telemetry)
        super().__init__(
            self._app,
            (settings.api_host, settings.api_port),
            settings,
            connections_of_address=limits_of(settings).connections,
            stopping=self._app.state.health.stopping,
            end_streams=partial(stop_serving, self._app),
        )
        self._app.state.health.registry.register(ConnectionMetrics(self.connection_limits))
