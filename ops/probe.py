"""Asks a process of this service whether it is well: `python -m ops.probe URL`, for a container's health check.

Exits with 0 where the answer is 200, with 1 where it is another or none.
"""

import sys
from http.client import HTTPException
from urllib.request import urlopen

_ANSWER_WITHIN = 2.0
"""Seconds."""


def main() -> int:
    """Returns the exit status."""
    try:
        with urlopen(sys.argv[1], timeout=_ANSWER_WITHIN) as answer:  # noqa: S310 - the address is the image's own
            return 0 if answer.status == 200 else 1
    except (HTTPException, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
