"""Ports for servers of tests: nobody else comes by them before the server does."""

import json
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from harness.ports import free_port, free_ports

PROJECT = Path(__file__).parents[1]
OTHER = "import json; from harness.ports import free_ports; print(json.dumps([*free_ports(50)]), flush=True); input()"
"""A process that gets ports, and runs until it is told to end."""
MORE_THAN_A_BLOCK = 500


@pytest.mark.usefixtures("processes")
def test_processes_that_run_at_the_same_time_get_different_ports() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", OTHER], cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        theirs = set(json.loads(other.stdout.readline()))
        ours = {free_port() for _ in range(MORE_THAN_A_BLOCK)}
        other.communicate("\n")

    assert len(theirs) == 50
    assert not theirs & ours


def test_ports_are_distinct_and_passed_over_while_they_are_used() -> None:
    with ExitStack() as used:
        first = free_ports(20)
        for port in first:
            used.enter_context(socket.create_server(("127.0.0.1", port)))
        later = {free_port() for _ in range(MORE_THAN_A_BLOCK)}

    assert len({*first}) == 20
    assert not later.intersection(first)


def test_no_outgoing_connection_gets_one() -> None:
    """The kernel gives those the ports of its own range."""
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as out:
        assert max(free_port() for _ in range(MORE_THAN_A_BLOCK)) < min(listener.getsockname()[1], out.getsockname()[1])
