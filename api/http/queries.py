"""Checks the query of a request as a whole, before anything looks at its parameters."""

from collections import Counter
from urllib.parse import parse_qsl, unquote_to_bytes

from starlette.exceptions import HTTPException

MOST_PARAMETERS = 100
"""The largest number of parameters, known or not."""
MOST_OF_ONE_NAME = 50
"""The largest number of parameters of one name."""


def check_query(query: bytes) -> None:
    """Check the encoding of a query, and the number of its parameters.

    Raises:
        HTTPException: it is not UTF-8, or has too many parameters.
    """
    separators = query.count(b"&")
    if separators >= MOST_PARAMETERS:
        raise HTTPException(400, f"the query has more than {MOST_PARAMETERS} parameters")
    if separators >= MOST_OF_ONE_NAME:
        names = Counter(name for name, _ in parse_qsl(query.decode("latin-1"), keep_blank_values=True))
        if max(names.values(), default=0) > MOST_OF_ONE_NAME:
            raise HTTPException(400, f"the query has more than {MOST_OF_ONE_NAME} parameters of one name")
    try:
        unquote_to_bytes(query).decode()
    except UnicodeDecodeError:
        raise HTTPException(400, "the query is not UTF-8") from None
