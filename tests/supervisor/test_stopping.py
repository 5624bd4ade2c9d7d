"""Everything ends together: on request, with the parent process, and when the supervisor is killed."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from supervisor.output import Log
from tests.eventually import PATIENCE, eventually
from tests.supervisor.conftest import ENVIRONMENT, FAKE_SERVICE, PROJECT, Start, alive, fake, script

STOPPED_IN_REVERSE = ["two asked to stop", "two stopped", "one asked to stop", "one stopped"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_one_signal_stops_all_parts_in_reverse_order(start: Start, number: signal.Signals) -> None:
    copy = start(one=fake(), two=fake()).wait_ready()
    copy.process.send_signal(number)
    assert copy.ended() == 0
    assert copy.journal[-4:] == STOPPED_IN_REVERSE
    assert not (copy.data_dir / "run.json").exists()
    assert not copy.left()


def test_a_signal_while_starting_stops_what_has_started(start: Start) -> None:
    copy = start(one=fake(), two=fake("patient"), three=fake())
    eventually(lambda: "two not ready" in copy.journal)
    assert set(copy.running) == {"one", "two"}
    copy.process.terminate()
    assert copy.ended() == 0
    assert copy.journal[-4:] == STOPPED_IN_REVERSE
    assert not copy.left()


def test_a_part_that_does_not_stop_is_killed_after_its_grace(start: Start) -> None:
    copy = start(one=fake(), two=fake("stubborn"), limits={"grace": 10}).wait_ready()
    copy.process.terminate()
    assert copy.ended() == 0
    assert "two did not stop in time and was killed" in copy.output
    assert copy.journal[-3:] == ["two asked to stop", "one asked to stop", "one stopped"]
    assert not copy.left()


def test_a_second_interrupt_hurries(start: Start) -> None:
    copy = start(one=fake("stubborn"), limits={"grace": 600}).wait_ready()
    copy.process.send_signal(signal.SIGINT)
    eventually(lambda: "one asked to stop" in copy.journal)
    copy.process.send_signal(signal.SIGINT)
    assert copy.ended() == 0
    assert not copy.left()


def test_a_second_sigterm_does_not_hurry_for_make_sends_one_on(start: Start) -> None:
    copy = start(one=fake("stubborn"), limits={"grace": 600}).wait_ready()
    copy.process.terminate()
    eventually(lambda: "one asked to stop" in copy.journal)
    copy.process.terminate()
    with pytest.raises(subprocess.TimeoutExpired):
        copy.process.wait(timeout=0.5)
    copy.process.send_signal(signal.SIGINT)
    assert copy.ended() == 0


def test_no_part_outlives_a_supervisor_that_is_killed(start: Start) -> None:
    copy = start(one=fake("stubborn"), two=fake()).wait_ready()
    copy.process.kill()
    eventually(lambda: not copy.left())


@pytest.mark.usefixtures("processes")
def test_where_the_kernel_does_not_help_a_watcher_ends_an_orphan_and_itself() -> None:
    orphan = (
        "import os, sys, time; from supervisor.launcher import watcher_kills_orphan\n"
        "os.setsid(); watcher_kills_orphan(); print(os.getpid(), flush=True); time.sleep(600)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", orphan], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=PROJECT
    ) as process:
        assert process.stdout
        process.stdout.readline()
        assert process.stdin
        process.stdin.close()
        assert process.wait(timeout=PATIENCE) == -signal.SIGKILL


def test_the_end_of_the_parent_ends_everything_gracefully(start: Start) -> None:
    copy = start(one=fake(), two=fake(), through=("sh", "-c", '"$@" $$; exit', "sh")).wait_ready()
    copy.process.kill()
    eventually(lambda: copy.journal[-4:] == STOPPED_IN_REVERSE)
    eventually(lambda: not copy.left())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_signal_to_make_alone_ends_everything(tmp_path: Path, start: Start, number: signal.Signals) -> None:
    (tmp_path / "Makefile").write_text("run:\n\t@exec $(COMMAND) $$PPID\n", encoding="utf-8")
    copy = start(one=fake(), through=("sh", "-c", "exec make run COMMAND=\"$1 $2 $3 '$4'\"", "sh")).wait_ready()
    copy.process.send_signal(number)
    assert copy.ended() != 0
    eventually(lambda: copy.journal[-1] == "one stopped")
    eventually(lambda: not copy.left())


@pytest.mark.usefixtures("processes")
def test_output_that_nobody_reads_holds_nothing_up(tmp_path: Path) -> None:
    port = fake()["port"]
    plan = f'{{"items": {{"one": {{"port": {port}, "behavior": "talkative"}}}}, "limits": {{}}}}'
    command = [sys.executable, FAKE_SERVICE, str(tmp_path), plan]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=ENVIRONMENT) as process:
        log = tmp_path / "log" / "one.log"
        eventually(lambda: log.exists() and log.read_text(encoding="utf-8").count("speaks") == 20_000)
        process.terminate()
        assert process.wait(timeout=PATIENCE) == 0


def test_a_log_does_not_grow_without_bound(tmp_path: Path) -> None:
    for _ in range(3):
        log = Log(tmp_path, "one")
        for _ in range(10):
            log.write("x" * 1_000_000)
        log.close()
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 10_000_000


def test_what_a_process_has_started_ends_with_it(start: Start) -> None:
    leave_a_child = (
        "import os, pathlib, subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "pathlib.Path(os.environ['DATA_DIR'], 'child').write_text(str(child.pid))"
    )
    copy = start(prepare=script(leave_a_child), one=fake()).wait_ready()
    assert not alive(int((copy.data_dir / "child").read_text(encoding="utf-8")))
