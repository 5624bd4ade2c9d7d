"""Print a token of the development issuer, for `AUTH_REQUIRED=1 make run` and docker-compose.yml: `make token`."""

import argparse
import sys
from pathlib import Path

from api.security.principals import ROLES_OF_ISSUERS
from runtime import development_issuer
from runtime.settings import Settings


def main() -> None:
    """Create the issuer's keys if they are missing, and print a token if a role is given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--role", choices=sorted(ROLES_OF_ISSUERS), help="role of the token; without it, only the keys are made"
    )
    parser.add_argument(
        "--subject", default="1", help="id of the customer or engineer, or name of the manager or service (default: 1)"
    )
    parser.add_argument("--regions", help="regions of a manager, such as KR-11 KR-26 (default: all)")
    parser.add_argument("--scope", help="scopes of a service, such as orders:read orders:write")
    parser.add_argument("--hours", type=int, default=12, help="hours for which the token is valid (default: 12)")
    parser.add_argument("--issuer", type=Path, help="directory of the issuer's keys (default: DATA_DIR)")
    given = parser.parse_args()
    directory = given.issuer or Settings().data_dir
    development_issuer.publish(directory)
    if given.role:
        more = {"regions": given.regions, "scope": given.scope}
        claims = {"sub": given.subject, "roles": [given.role], **{name: value for name, value in more.items() if value}}
        sys.stdout.write(f"{development_issuer.token(directory, claims, given.hours)}\n")


if __name__ == "__main__":
    main()
