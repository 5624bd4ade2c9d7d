"""The HTTP server of the console."""

from console.app import MOST_API_CONNECTIONS, create_app
from console.streams import MOST_STREAMS
from observability.http_metrics import ConnectionMetrics
from observability.telemetry import SILENT, Telemetry
from runtime.http_connections import OWN_DESCRIPTORS
from runtime.http_server import DrainingServer
from runtime.settings import Settings

_CONNECTIONS_OF_ADDRESS = 200
"""As the API's, where people are told apart."""


class Server(DrainingServer):
    """Serves the pages until it is told to stop."""

    def __init__(self, settings: Settings, telemetry: Telemetry = SILENT) -> None:
        app = create_app(settings, telemetry)
        of_address = settings.max_connections_per_address
        if of_address is None:
            of_address = _CONNECTIONS_OF_ADDRESS if settings.requires_authentication else 0
        super().__init__(
            app,
            (settings.console_host, settings.console_port),
            settings,
            connections_of_address=of_address,
            own_descriptors=OWN_DESCRIPTORS + MOST_API_CONNECTIONS + MOST_STREAMS,
            stopping=app.state.health.stopping,
            end_streams=app.state.console.streams.stop,
        )
        app.state.health.registry.register(ConnectionMetrics(self.connection_limits))
