"""API without security features, as the baseline of `security`: `python -m bench.open_api`.

The service has no switch for encryption, the audit and the access log, so that nobody turns them off. They are replaced
here, only in this process: its client writes to Temporal as the plain SDK does, and nothing is recorded. Tokens and
rate limits depend on settings, and are off by default.
"""

from dataclasses import replace
from typing import Any

from temporalio.converter import DataConverter, DefaultFailureConverter

from api.__main__ import main
from api.audit.access_log import AccessLog
from api.audit.trail import AuditTrail
from runtime import temporal_client
from runtime.payload_binding import PayloadBinding
from runtime.payload_codec import encrypting
from runtime.payload_keys import PayloadKeys


def _nothing(*_: Any) -> None:
    pass


def _plain(keys: PayloadKeys, namespace: str, _: PayloadBinding) -> DataConverter:
    return replace(encrypting(keys, namespace), payload_codec=None, failure_converter_class=DefaultFailureConverter)


def _remove_security() -> None:
    for owner, name, instead in (
        (temporal_client, "encrypting", _plain),
        (AuditTrail, "admit", _nothing),
        (AuditTrail, "record", _nothing),
        (AccessLog, "record", _nothing),
    ):
        setattr(owner, name, instead)


if __name__ == "__main__":
    _remove_security()
    temporal_client.run_and_end(main)
