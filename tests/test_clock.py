"""No test module reads the clock when it is imported, because that time may be long past when its tests run."""

from pathlib import Path

import pytest

from tests.clock_calls import reading_at_import

PROJECT = Path(__file__).parents[1]
HELPER = """
from datetime import UTC, date, datetime, timedelta
from time import time as seconds
from dataclasses import dataclass, field

def token():
    return str(seconds())

def later():
    return token()

@dataclass
class Stamped:
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    def __post_init__(self):
        self.later = later()

@dataclass
class Began:
    at: float = field(default_factory=seconds)

class Issuer:
    def claims(self):
        return {"exp": seconds()}
    def signed(self):
        return self.claims()
    def get(self):
        return self.claims()
"""
PLANTED = {
    "datetime.now": "from datetime import UTC, datetime\nNOW = datetime.now(UTC)",
    "utcnow": "import datetime\nNOW = datetime.datetime.utcnow()",
    "today": "from datetime import date, timedelta\nTOMORROW = date.today() + timedelta(days=1)",
    "time": "import time\nLATER = time.time() + 600",
    "a function of that name": "from time import time\nLATER = time()",
    "another name": "from time import monotonic as ticks\nBEGAN = ticks()",
    "monotonic": "import time\nBEGAN = time.monotonic()",
    "perf_counter": "import time as clock\nBEGAN = clock.perf_counter()",
    "a parameter": "import pytest, time\n@pytest.mark.parametrize('at', [time.time()])\ndef test(at): ...",
    "a default argument": "import time\ndef f(at=time.time()): ...",
    "a default argument by name": "import time\nasync def f(*, at=time.time()): ...",
    "a lambda's default argument": "import time\nf = lambda at=time.time(): at",
    "a method's default argument": "import time\nclass A:\n    def f(self, at=time.time()): ...",
    "a class's body": "import time\nclass A:\n    at = time.time()",
    "a field's default": "import dataclasses, time\n@dataclasses.dataclass\nclass A:\n    at: float = time.time()",
    "a condition": "import time\nif time.time() > 5:\n    pass",
    "a comprehension": "import time\nTIMES = [time.time() + n for n in range(3)]",
    "a function": "from helper import token\nTOKEN = token()",
    "a function that calls one": "from helper import later\nTOKEN = later()",
    "a function of a module": "import helper\nTOKEN = helper.later()",
    "a function that is handed on": "from handing import token\nTOKEN = token()",
    "a function in a parameter": "import pytest, helper\n@pytest.mark.parametrize('t', [helper.token()])\ndef f(t): 0",
    "a function of its own": "import time\ndef f():\n    return time.time()\nX = f()",
    "a function within it": "import time\ndef f():\n    def g():\n        return time.time()\n    return g()\nX = f()",
    "a method": "from helper import Issuer\nCLAIMS = Issuer().claims()",
    "a method that calls one": "from helper import Issuer\nCLAIMS = Issuer().signed()",
    "a class": "from helper import Stamped\nSTAMPED = Stamped()",
    "a class with a factory": "from helper import Began\nBEGAN = Began()",
}
HARMLESS = {
    "in a function": "import time\ndef f():\n    return time.time()",
    "in a lambda": "import time\nf = lambda: time.time()",
    "in a method": "import time\nclass A:\n    def f(self):\n        return time.time()",
    "a time of the day": "from datetime import time\nNINE = time(9)",
    "a time of the day of the module": "import datetime\nNINE = datetime.time(9)",
    "a function that one makes": "import time\ndef f():\n    def g(): time.time()\n    return g\nG = f()",
    "a name alone": "import time\nCLOCK = time.time",
    "a factory that nobody calls": "import time\nfrom dataclasses import field\nF = field(default_factory=time.time)",
    "a function that reads no clock": "def f():\n    return 5\nFIVE = f()",
    "a method of a mapping": "A = {}.get(5)",
    "as a program": "import time\nif __name__ == '__main__':\n    print(time.time())",
}


@pytest.mark.parametrize("planted", PLANTED)
def test_every_kind_is_found(planted: str) -> None:
    sources = {"helper": HELPER, "handing": "from helper import token", "planted": PLANTED[planted]}

    assert [found.partition(":")[0] for found in reading_at_import(sources)] == ["planted"]


@pytest.mark.parametrize("harmless", HARMLESS)
def test_what_is_read_later_is_none(harmless: str) -> None:
    assert reading_at_import({"helper": HELPER, "harmless": HARMLESS[harmless]}) == []


def test_no_test_reads_the_clock_when_it_is_imported() -> None:
    paths = [path for place in ("tests", "harness") for path in sorted((PROJECT / place).rglob("*.py"))]
    sources = {
        ".".join(path.relative_to(PROJECT).with_suffix("").parts): path.read_text(encoding="utf-8") for path in paths
    }

    assert len(sources) > 100
    assert reading_at_import(sources) == []
