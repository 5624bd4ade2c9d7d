"""The API process: `python -m api`."""

from api.server import Server
from logging_setup import configure_logging
from settings import Settings


def main() -> None:
    """Serve until told to stop."""
    settings = Settings()
    configure_logging(settings)
    Server(settings).run()


if __name__ == "__main__":
    main()
