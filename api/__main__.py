"""The API process: `python -m api`."""

import sdk_runtime
from api.server import Server
from logging_setup import configure_logging
from settings import Settings
from temporal_client import run_and_end


def main() -> None:
    """Serve until told to stop."""
    settings = Settings()
    configure_logging(settings)
    Server(settings, sdk_runtime.install()).run()


if __name__ == "__main__":
    run_and_end(main)
