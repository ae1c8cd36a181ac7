"""Asking for an engine and starting one, against small daemons of our own on real sockets."""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from setting_up import engine
from setting_up.console import Stop
from setting_up.engine import State

PONG = b"HTTP/1.1 200 OK\r\nServer: Docker/20.10.24 (linux)\r\nContent-Length: 2\r\n\r\nOK"

# A daemon that listens where it is told, answers pings and ends with the process that reads its pipe.
FAKE_DOCKERD = f"""
import os, socket, sys, threading
threading.Thread(target=lambda: (open(sys.argv[2]).read(), os._exit(0)), daemon=True).start()
print("fake daemon: starting", flush=True)
server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
server.listen()
while True:
    client, _ = server.accept()
    client.recv(1024)
    client.sendall({PONG!r})
    client.close()
"""


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a short name: a socket's path has 107 bytes at most."""
    return tmp_path_factory.mktemp("e")


@contextmanager
def answering(path: Path, reply: bytes | None) -> Generator[str]:
    """A server that gives one reply to everyone, or accepts and says nothing."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen()

    def serve() -> None:
        client, _ = server.accept()
        with client:
            client.recv(1024)
            if reply is not None:
                client.sendall(reply)
            else:
                client.recv(1)  # until the client gives up

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"unix://{path}"
    finally:
        thread.join()
        server.close()


def test_an_engine_that_answers_tells_its_version(place: Path) -> None:
    with answering(place / "s", PONG) as host:
        answer = engine.ping(host)

    assert answer.ok
    assert answer.detail == "Docker 20.10.24"


def test_no_socket_is_an_absent_engine(place: Path) -> None:
    assert engine.ping(f"unix://{place}/none").state is State.ABSENT


def test_a_socket_that_nobody_listens_on_is_a_dead_engine(place: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(place / "s"))

    assert engine.ping(f"unix://{place}/s").state is State.DEAD


def test_an_engine_that_hangs_is_given_up(place: Path) -> None:
    with answering(place / "s", None) as host:
        assert engine.ping(host, timeout_s=0.1).state is State.SILENT


@pytest.mark.parametrize(
    "reply", [b"SSH-2.0-OpenSSH_9\r\n", b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"]
)
def test_what_is_no_engine_is_told_apart(place: Path, reply: bytes) -> None:
    with answering(place / "s", reply) as host:
        assert engine.ping(host).state is State.UNREADABLE


@pytest.mark.parametrize("host", ["nonsense", "tcp://", "tcp://h:port", "npipe:////./pipe/docker_engine"])
def test_a_wrong_docker_host_is_an_answer_not_a_traceback(host: str) -> None:
    assert engine.ping(host).state is State.UNREADABLE


def test_certificates_that_are_missing_are_an_answer_not_a_traceback(place: Path) -> None:
    environ = {"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(place)}

    assert not engine.ping("tcp://127.0.0.1:1", environ=environ).ok


@pytest.fixture
def leash(place: Path) -> Generator[Path]:
    """A pipe: who reads it sees its end when the test is over, however it ends."""
    path = place / "leash"
    os.mkfifo(path)
    held = os.open(path, os.O_RDWR)
    yield path
    os.close(held)
    while engine.LEFT_RUNNING:
        engine.LEFT_RUNNING.pop().wait()


def test_a_daemon_is_started_apart_from_us(place: Path, leash: Path) -> None:
    command = [sys.executable, "-c", FAKE_DOCKERD, str(place / "s"), str(leash)]

    answer = engine.start_daemon(command, host=f"unix://{place}/s", log=place / "log")

    assert os.getsid(engine.LEFT_RUNNING[-1].pid) != os.getsid(0)
    assert answer.detail == "Docker 20.10.24"
    assert "fake daemon: starting" in (place / "log").read_text()


@pytest.mark.parametrize(
    ("last_words", "remedy"),
    [
        ("failed to create NAT chain DOCKER: iptables failed: Permission denied", "--iptables=false"),
        ("Error creating default bridge network: operation not permitted", "--bridge=none"),
        ("Devices cgroup isn't mounted", "control groups"),
        ("pid file found, ensure docker is not running", "rm /var/run/docker.pid"),
        ("error initializing graphdriver: driver not supported", "--privileged"),
        ("mkdir /var/lib/docker: no space left on device", "full"),
    ],
)
def test_a_daemon_that_ends_is_quoted_with_the_remedy(place: Path, last_words: str, remedy: str) -> None:
    (place / "log").write_text("of an earlier start: no space left on device\n")
    program = f"import sys; print('level=info chatter'); print({last_words!r}); sys.exit(3)"

    with pytest.raises(Stop) as stop:
        engine.start_daemon([sys.executable, "-c", program], host=f"unix://{place}/s", log=place / "log")

    message = str(stop.value)
    assert "exit code 3" in message
    assert last_words in message
    assert remedy in message
    assert "chatter" not in message
    assert "earlier start" not in message


def test_a_daemon_that_never_answers_is_given_up(place: Path, leash: Path) -> None:
    command = [sys.executable, "-c", "import sys; open(sys.argv[1]).read()", str(leash)]

    with pytest.raises(Stop, match="does not answer"):
        engine.start_daemon(command, host=f"unix://{place}/s", log=place / "log", wait_s=0.2)


def test_one_who_waits_for_a_daemon_gives_up_too(place: Path) -> None:
    start = time.monotonic()

    with pytest.raises(Stop, match="does not answer"):
        engine.wait_for(f"unix://{place}/s", wait_s=0.2)

    assert time.monotonic() - start < engine.START_S


def test_only_the_pid_files_of_daemons_that_are_gone_are_removed(tmp_path: Path) -> None:
    for pid, name in (("7", "bash"), ("8", "containerd")):
        (tmp_path / pid).mkdir()
        (tmp_path / pid / "comm").write_text(f"{name}\n")
    (tmp_path / "docker.pid").write_text("7")
    (tmp_path / "containerd.pid").write_text("8")
    files = {
        tmp_path / "docker.pid": "dockerd",
        tmp_path / "containerd.pid": "containerd",
        tmp_path / "none.pid": "none",
    }

    assert engine.remove_stale_pid_files(files, proc=tmp_path) == [tmp_path / "docker.pid"]
    assert not (tmp_path / "docker.pid").exists()
    assert (tmp_path / "containerd.pid").exists()


def test_a_running_daemon_is_found_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "comm").write_text("dockerd\n")

    assert engine.daemon_runs(proc=tmp_path)
    assert not engine.daemon_runs(proc=tmp_path / "7")
