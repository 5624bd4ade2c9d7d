"""Prints a token of the development issuer, for `AUTH_REQUIRED=1 make run` and docker-compose.yml: `make token`."""

import argparse
import sys
from pathlib import Path

from api.security.principals import Role
from runtime import development_issuer
from runtime.settings import Settings


def main() -> None:
    """Make the issuer's keys where there are none, and a token where a role is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--role", choices=[role.value for role in Role], help="without one, only the keys are made")
    parser.add_argument("--subject", default="1", help="the customer's or engineer's id, or a name")
    parser.add_argument("--regions", help="that a manager is limited to: KR-11 KR-26")
    parser.add_argument("--scope", help="of a service: orders:read orders:write")
    parser.add_argument("--hours", type=int, default=12, help="for which it counts")
    parser.add_argument("--issuer", type=Path, help="the directory of its keys; by default DATA_DIR")
    given = parser.parse_args()
    directory = given.issuer or Settings().data_dir
    development_issuer.publish(directory)
    if given.role:
        more = {"regions": given.regions, "scope": given.scope}
        said = {"sub": given.subject, "roles": [given.role], **{name: value for name, value in more.items() if value}}
        sys.stdout.write(f"{development_issuer.token(directory, said, given.hours)}\n")


if __name__ == "__main__":
    main()
