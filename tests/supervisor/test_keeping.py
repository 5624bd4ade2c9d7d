"""Parts are started in order, kept running, and given up when that cannot work."""

import json
import os
import signal
import time
from pathlib import Path

from tests.eventually import eventually
from tests.supervisor.conftest import Copy, Start, alive, fake, script


def kill(copy: Copy, part: str) -> None:
    """Kill a part, and wait until it is started again and ready."""
    pid = copy.running[part]["pid"]
    said = copy.output.count(f"{part} is ready")
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: copy.output.count(f"{part} is ready") > said)
    assert copy.running[part]["pid"] != pid


def test_each_part_starts_once_the_one_before_is_ready(start: Start) -> None:
    prepare = script(
        "import os, pathlib; pathlib.Path(os.environ['DATA_DIR'], 'journal').open('a').write('prepared\\n')"
    )
    copy = start(one=fake("patient"), prepare=prepare, two=fake())
    eventually(lambda: copy.journal.count("one not ready") > 2)
    assert "two started" not in copy.journal
    assert "everything is ready" not in copy.output
    (copy.data_dir / "go").touch()
    copy.wait_ready()
    assert [line for line in copy.journal if line != "one not ready"] == ["one started", "prepared", "two started"]


def test_run_json_names_the_process_and_the_port_of_each_part(start: Start) -> None:
    one, two = fake(), fake()
    copy = start(one=one, two=two).wait_ready()
    running = copy.running
    assert {name: part["port"] for name, part in running.items()} == {"one": one["port"], "two": two["port"]}
    assert all(alive(part["pid"]) for part in running.values())


def test_a_part_that_dies_is_named_and_started_again_alone(start: Start) -> None:
    copy = start(one=fake(), two=fake()).wait_ready()
    two = copy.running["two"]
    kill(copy, "one")
    assert "one was killed by SIGKILL; restarting it" in copy.output
    assert copy.running["two"] == two
    assert alive(copy.running["one"]["pid"])
    assert copy.journal == ["one started", "two started", "one started"]


IMPATIENT = {"probe_every": 0.05, "answer_within": 5.0}
UNHURRIED = IMPATIENT | {"answer_within": 30.0}
"""Limits for tests without a hanging part, so that a late answer on a busy machine does not count as one."""


def test_a_part_that_hangs_is_named_killed_and_started_again_alone(start: Start) -> None:
    copy = start(one=fake(), two=fake(), limits=IMPATIENT).wait_ready()
    one, two = copy.running["one"], copy.running["two"]
    os.kill(one["pid"], signal.SIGSTOP)
    eventually(lambda: copy.output.count("one is ready") == 2)
    assert f"one hangs (http://127.0.0.1:{one['port']}/health/live has not answered 3 times)" in copy.output
    assert "one was killed by SIGKILL; restarting it" in copy.output
    assert not alive(one["pid"])
    assert copy.running["two"] == two


def test_a_part_that_answers_again_in_time_is_left_alone(start: Start) -> None:
    copy = start(one=fake("stumbles"), limits=UNHURRIED).wait_ready()
    eventually(lambda: copy.journal.count("one lives") > 1)
    assert copy.journal.count("one started") == 1


def test_a_part_that_is_slow_to_start_does_not_hang(start: Start) -> None:
    copy = start(one=fake("patient"), limits=UNHURRIED)
    eventually(lambda: copy.journal.count("one not ready") > 4)
    (copy.data_dir / "go").touch()
    copy.wait_ready()
    assert copy.journal.count("one started") == 1


def test_too_many_deaths_within_the_window_end_everything_and_name_the_part_and_its_log(start: Start) -> None:
    copy = start(one=fake("patient"), two=fake("dies"), limits={"deaths": 5})
    eventually(lambda: copy.running)
    (copy.data_dir / "go").touch()
    assert copy.ended() == 1
    assert copy.journal.count("two started") == 6
    assert copy.output.count("two ended with exit status 3; restarting it") == 5
    assert "two ended with exit status 3: parts have died more than 5 times within 60 s" in copy.output
    assert str(copy.data_dir / "log" / "two.log") in copy.output
    assert copy.journal[-1] == "one stopped"
    assert not (copy.data_dir / "run.json").exists()
    assert not copy.left()


def test_deaths_of_all_parts_count_together(start: Start) -> None:
    copy = start(one=fake(), two=fake(), limits={"deaths": 2}).wait_ready()
    kill(copy, "one")
    kill(copy, "two")
    os.kill(copy.running["one"]["pid"], signal.SIGKILL)
    assert copy.ended() == 1


def test_deaths_longer_ago_than_the_window_do_not_count(start: Start) -> None:
    copy = start(one=fake(), limits={"deaths": 1, "window": 0.5}).wait_ready()
    kill(copy, "one")
    died = time.monotonic()
    eventually(lambda: time.monotonic() > died + 0.5)
    kill(copy, "one")


def test_a_part_that_never_gets_ready_ends_everything(start: Start) -> None:
    copy = start(one=fake("patient"), two=fake(), limits={"ready_within": 10})
    eventually(lambda: copy.running)
    assert copy.ended() == 1
    assert "one was not ready within 10 s" in copy.output
    assert str(copy.data_dir / "log" / "one.log") in copy.output
    assert "two started" not in copy.journal
    assert not copy.left()


def test_a_part_that_was_ready_before_is_named_and_started_again_until_it_is_ready_once_more(start: Start) -> None:
    copy = start(one=fake(), two=fake("patient"), limits={"ready_within": 20})
    eventually(lambda: "two not ready" in copy.journal)
    (copy.data_dir / "go").touch()
    copy.wait_ready()
    one = copy.running["one"]
    (copy.data_dir / "go").unlink()
    os.kill(copy.running["two"]["pid"], signal.SIGKILL)
    eventually(lambda: "two was not ready within 20 s" in copy.output)
    (copy.data_dir / "go").touch()
    eventually(lambda: copy.output.count("two is ready") == 2)
    assert copy.output.count("two was killed by SIGKILL; restarting it") == 2
    assert copy.running["one"] == one


def test_a_step_that_fails_ends_everything_and_says_what_failed(start: Start) -> None:
    copy = start(one=fake(), prepare=script("raise SystemExit('no such database')"), two=fake())
    assert copy.ended() == 1
    assert "prepare   | no such database" in copy.output
    assert "preparing the fake failed: prepare ended with exit status 1" in copy.output
    assert str(copy.data_dir / "log" / "prepare.log") in copy.output
    assert copy.journal == ["one started", "one asked to stop", "one stopped"]


def test_a_step_that_cannot_be_done_now_is_made_up_for_while_the_rest_runs(start: Start) -> None:
    put_off = script(
        "import os, sys; sys.exit(0 if os.path.exists(os.environ['DATA_DIR'] + '/go') else os.EX_TEMPFAIL)"
    )
    copy = start(prepare=put_off, one=fake(), limits={"retry_every": 0.1}).wait_ready()
    assert "preparing the fake is postponed" in copy.output
    (copy.data_dir / "go").touch()
    eventually(lambda: "preparing the fake is done now" in copy.output)
    copy.process.terminate()
    assert copy.ended() == 0


def test_a_step_that_takes_too_long_ends_everything(start: Start) -> None:
    copy = start(prepare=script("import time; time.sleep(600)"), limits={"ready_within": 0.5})
    assert copy.ended() == 1
    assert "preparing the fake took more than 0.5 s" in copy.output


def test_output_is_kept_in_a_log_for_each_part_and_shown_with_its_name(start: Start, tmp_path: Path) -> None:
    copy = start(one=fake(), two=fake()).wait_ready()
    assert "one       | the fake one speaks" in copy.output
    assert "the fake two speaks" in (tmp_path / "data/log/two.log").read_text(encoding="utf-8")
    assert "the fake two speaks" not in (tmp_path / "data/log/one.log").read_text(encoding="utf-8")


def test_run_json_is_never_seen_half_written(start: Start) -> None:
    copy = start(one=fake(), limits={"deaths": 4})
    path = copy.data_dir / "run.json"
    seen = []
    for _ in range(3):
        copy.wait_ready()
        said = copy.output.count("one is ready")
        os.kill(copy.running["one"]["pid"], signal.SIGKILL)
        while copy.output.count("one is ready") == said:
            seen.append(json.loads(path.read_text(encoding="utf-8")))
    assert {frozenset(each) for each in seen} <= {frozenset(), frozenset({"one"})}
