"""The console process: `python -m console`."""

import gc
import sys

if __name__ == "__main__":
    gc.disable()  # What is loaded is no garbage, and looking for some would take a sixth of the time of the start.

from console.server import Server
from observability.logging_setup import change_level_by_signal, configure_logging
from observability.telemetry import instrumented
from runtime.settings import InsecureConfiguration, Settings


def main() -> None:
    """Serve until told to stop."""
    settings = Settings()
    configure_logging(settings)
    change_level_by_signal(settings)
    with instrumented(settings, "console") as telemetry:
        try:
            server = Server(settings, telemetry)
        except InsecureConfiguration as error:
            sys.stderr.write(f"{error}\n")
            sys.exit(2)
        server.run()


if __name__ == "__main__":
    main()
