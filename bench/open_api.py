"""The API without what keeps it safe, for `security` to compare with: `python -m bench.open_api`.

The service has no switch for encryption and the audit, so that nobody turns them off; both are taken out here, in this
process alone: its client writes to Temporal as the SDK would by itself, and what is done is noted nowhere. Tokens are
asked for, and clients limited, only where a setting says so.
"""

from dataclasses import replace
from typing import Any

from temporalio.converter import DataConverter, DefaultFailureConverter

from api import app
from api.__main__ import main
from api.audit.trail import AuditTrail
from runtime import temporal_client
from runtime.payload_codec import encrypting
from runtime.payload_keys import PayloadKeys


class _Silent(AuditTrail):
    def admit(self, *_: Any) -> None:
        pass

    def note(self, *_: Any) -> None:
        pass


def _plain(keys: PayloadKeys, namespace: str) -> DataConverter:
    return replace(encrypting(keys, namespace), payload_codec=None, failure_converter_class=DefaultFailureConverter)


def _take_the_guards_out() -> None:
    for owner, name, instead in ((temporal_client, "encrypting", _plain), (app, "AuditTrail", _Silent)):
        setattr(owner, name, instead)


if __name__ == "__main__":
    _take_the_guards_out()
    temporal_client.run_and_end(main)
