import logging
from types import SimpleNamespace

from observability.sdk_runtime import append_fields


def test_a_line_of_the_core_tells_what_it_is_about_but_quotes_no_failure() -> None:
    record = logging.makeLogRecord({"msg": "Failing workflow task"})
    record.temporal_log = SimpleNamespace(fields={"run_id": "r1", "failure": "cannot decode 'PERSONAL'"})

    assert append_fields(record)

    assert record.getMessage() == "Failing workflow task {'run_id': 'r1'}"
