"""The API process: `python -m api`."""

from api.server import Server
from logging_setup import change_level_by_signal, configure_logging
from settings import Settings
from telemetry import telling
from temporal_client import run_and_end


def main() -> None:
    """Serve until told to stop."""
    settings = Settings()
    configure_logging(settings)
    change_level_by_signal(settings)
    with telling(settings, "api") as telemetry:
        Server(settings, telemetry).run()


if __name__ == "__main__":
    run_and_end(main)
