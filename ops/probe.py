"""Check the health of a process of this service: `python -m ops.probe URL`, for a container's health check.

Exit status: 0 if the answer is 200, 1 if it is another one or none comes.
"""

import sys
from http.client import HTTPException
from urllib.request import ProxyHandler, build_opener

_ANSWER_WITHIN = 2.0
"""Seconds."""


def main() -> int:
    """Probe the URL. Returns the exit status."""
    try:
        # A proxy of the environment would be asked for this machine's own address, and answer for itself.
        with build_opener(ProxyHandler({})).open(sys.argv[1], timeout=_ANSWER_WITHIN) as answer:
            return 0 if answer.status == 200 else 1
    except (HTTPException, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
