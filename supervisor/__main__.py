"""Run the whole service in the foreground: `make run`."""

import argparse
import sys

from pydantic import ValidationError

from runtime.settings import InsecureConfiguration, Settings
from supervisor.main import supervise
from supervisor.service import service_of


def main() -> int:
    """Run until asked to stop; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--end-with", type=int, metavar="PID", help="stop when the parent process PID ends")
    parent = parser.parse_args().end_with
    try:
        settings = Settings()
    except ValidationError as error:
        for problem in error.errors():  # without the value, which may be a secret
            sys.stderr.write(f"{str(problem['loc'][0]).upper()}: {problem['msg']}\n")
        return 2
    try:
        settings.require_authentication_beyond_loopback()
    except InsecureConfiguration as error:
        sys.stderr.write(f"{error}\n")
        return 2
    if settings.has_console and (insecurity := settings.console_insecurity):
        sys.stderr.write(f"{insecurity}\n")
        return 2
    return supervise(service_of(settings), parent)


if __name__ == "__main__":
    sys.exit(main())
