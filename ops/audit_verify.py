"""Verify that no entry of the audit was changed: `python -m ops.audit_verify [--head SEQUENCE:HASH]`.

Prints the head of the chain. Keep it somewhere else, and give it as `--head` later: the chain must still contain it.
The chain must also contain the heads that the API has kept in its file (`AUDIT_HEADS_FILE`).
Exit status: 0 if the chain is intact, 1 if it is broken (the first broken entry is named), 75 if the store does not
answer.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence

from domain.audit import BrokenChain, Head
from domain.common import contexts
from domain.common.errors import StoreUnavailable
from runtime.settings import Settings
from stores.audit.heads import HeadsFile
from stores.audit.trail import AuditStore
from stores.common.database import Database

_DEADLINE_SECONDS = 60.0


async def verify(url: str, noted: Sequence[Head]) -> int:
    """Verify the chain in a database, and that it contains the noted heads. Returns the exit status."""
    database = Database(url, deadline_seconds=_DEADLINE_SECONDS)
    try:
        head = await AuditStore(database).verify(*noted)
    except BrokenChain as broken:
        print(f"the chain is broken at {broken}", file=sys.stderr)
        return 1
    except StoreUnavailable as error:
        print(error, file=sys.stderr)
        return os.EX_TEMPFAIL
    finally:
        await database.dispose()
    print(f"{head.sequence:,} entries, none of them changed; compared with {len(noted):,} heads\n{head}")
    return os.EX_OK


def _head(text: str) -> Head:
    try:
        return Head.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{error}, as this command prints it") from error


def main() -> int:
    """Verify the chain in the database of the settings."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--head", type=_head, metavar="SEQUENCE:HASH", help="a head that was printed or logged earlier")
    arguments = parser.parse_args()
    settings = Settings()
    try:
        noted = HeadsFile(settings.audit_heads).heads() if settings.audit_heads else []
    except (OSError, ValueError) as error:
        print(f"{settings.audit_heads}: {error}", file=sys.stderr)
        return os.EX_NOINPUT
    given = [arguments.head] if arguments.head else []
    return asyncio.run(verify(settings.database_url(contexts.AUDIT), [*noted, *given]))


if __name__ == "__main__":
    sys.exit(main())
