"""What fails while Temporal is called is answered as an outage, and logged if it may be none."""

import pytest
from structlog.testing import capture_logs

from api.http.errors import TemporalUnavailable
from api.http.temporal_calls import temporal_call


@pytest.mark.parametrize("error", [RuntimeError, NotImplementedError])
async def test_what_may_be_an_error_of_the_program_is_logged_without_its_text(error: type[RuntimeError]) -> None:
    text = " ".join(["personal", "data"])
    with capture_logs() as logged, pytest.raises(TemporalUnavailable):
        async with temporal_call(60):
            raise error(text)

    [line] = logged
    assert (line["log_level"], line["error"]) == ("warning", error.__qualname__)
    assert "test_temporal_calls.py" in line["at"]
    assert text not in str(line)
