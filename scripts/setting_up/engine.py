"""Talk to a Docker engine, and start one.

The engine is asked over its socket and not through the `docker` command: latm itself needs no such command,
and some distributions package it apart from the daemon.
"""

from __future__ import annotations

import http.client
import os
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

from setting_up.console import Stop, lines_since, quote

LOCAL_HOST = "unix:///var/run/docker.sock"
DAEMON_LOG = Path("/var/log/dockerd.log")
DAEMON_PID_FILE = Path("/var/run/docker.pid")
PID_FILES = {DAEMON_PID_FILE: "dockerd", Path("/var/run/docker/containerd/containerd.pid"): "containerd"}
PING_S = 5.0
CALL_S = 30.0
START_S = 60.0
RUNNING_S = 15.0
"""For a daemon that was running before: it may just be starting, and otherwise it hangs."""
POLL_S = 0.1
LOG_LINES = 8
LAST_WORDS = 2


LEFT_RUNNING: list[subprocess.Popen[bytes]] = []
"""Daemons that are to outlive us; held here, or Python would warn of children that nobody waited for."""


class State(Enum):
    """How an engine answered."""

    ANSWERS = "answers"
    ABSENT = "there is no socket"
    DEAD = "nobody listens"
    REFUSED = "permission denied"
    SILENT = "no answer in time"
    UNREADABLE = "that is no Docker engine"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a ping.

    Attributes:
        state: how it went.
        detail: the engine's version, or the reason why there is none.
    """

    state: State
    detail: str = ""

    @property
    def ok(self) -> bool:
        """Whether an engine answered."""
        return self.state is State.ANSWERS


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str, timeout_s: float) -> None:
        super().__init__("docker", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket file."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def ping(host: str, *, environ: Mapping[str, str] = os.environ, timeout_s: float = PING_S) -> Answer:
    """Ask the engine at a DOCKER_HOST for a sign of life. Raises nothing: a failure is an answer too."""
    if host.startswith("ssh://"):
        return _ping_by_command(host, timeout_s)
    try:
        status, version = _get_ping(host, environ, timeout_s)
    except TimeoutError:
        return Answer(State.SILENT, f"no answer within {timeout_s:g} s")
    except (OSError, http.client.HTTPException, ValueError) as error:
        state = next(state for kind, state in _FAILURES if isinstance(error, kind))
        return Answer(state, str(error) or type(error).__name__)
    if status != http.HTTPStatus.OK:
        return Answer(State.UNREADABLE, f"HTTP status {status}")
    return Answer(State.ANSWERS, version)


_FAILURES: tuple[tuple[type[Exception], State], ...] = (
    (FileNotFoundError, State.ABSENT),
    (PermissionError, State.REFUSED),
    (OSError, State.DEAD),
    (Exception, State.UNREADABLE),
)


def _get_ping(host: str, environ: Mapping[str, str], timeout_s: float) -> tuple[int, str]:
    """The HTTP status and the engine's name with its version, such as "Docker 20.10.24"."""
    status, headers, _ = _request(_connection(host, environ, timeout_s), "GET", "/_ping")
    return status, headers.get("Server", "Docker").split(" ")[0].replace("/", " ")


def call(host: str, method: str, path: str, *, timeout_s: float = CALL_S) -> tuple[int, bytes]:
    """One call of the engine's API: the HTTP status and the body.

    Raises:
        OSError: nobody answers.
    """
    status, _, body = _request(_connection(host, os.environ, timeout_s), method, path)
    return status, body


def _request(
    connection: http.client.HTTPConnection, method: str, path: str
) -> tuple[int, http.client.HTTPMessage, bytes]:
    try:
        connection.request(method, path)
        reply = connection.getresponse()
        return reply.status, reply.headers, reply.read()
    finally:
        connection.close()


def _connection(host: str, environ: Mapping[str, str], timeout_s: float) -> http.client.HTTPConnection:
    parts = urlsplit(host)
    if parts.scheme == "unix":
        return _UnixConnection(parts.path, timeout_s)
    if parts.scheme not in {"tcp", "http", "https"} or parts.hostname is None:
        raise ValueError(f"DOCKER_HOST={host!r} is none of unix://, tcp://, http(s):// and ssh://")
    if parts.scheme == "https" or environ.get("DOCKER_TLS_VERIFY"):
        context = _tls(Path(environ.get("DOCKER_CERT_PATH") or Path.home() / ".docker"))
        return http.client.HTTPSConnection(
            parts.hostname, parts.port or 2376, timeout=timeout_s, context=context
        )
    return http.client.HTTPConnection(parts.hostname, parts.port or 2375, timeout=timeout_s)


def _tls(certificates: Path) -> ssl.SSLContext:
    """The client's side of TLS from the three files that Docker's own client reads."""
    context = ssl.create_default_context(cafile=str(certificates / "ca.pem"))
    context.load_cert_chain(certificates / "cert.pem", certificates / "key.pem")
    return context


def _ping_by_command(host: str, timeout_s: float) -> Answer:
    """Over ssh only the `docker` command knows the way."""
    command = ["docker", "--host", host, "version", "--format", "Docker {{.Server.Version}}"]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=4 * timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Answer(State.SILENT, f"no answer within {4 * timeout_s:g} s")
    except OSError as error:
        return Answer(State.DEAD, f"{error} (an ssh:// engine is reached through the docker command)")
    if done.returncode != 0:
        return Answer(State.DEAD, done.stderr.strip())
    return Answer(State.ANSWERS, done.stdout.strip())


def system_path() -> str:
    """The PATH, and the places where dockerd and iptables live, which a user's PATH may lack."""
    return f"{os.environ.get('PATH', os.defpath)}:/usr/local/sbin:/usr/sbin:/sbin"


def daemon_command() -> str | None:
    """Where dockerd is, or None."""
    return shutil.which("dockerd", path=system_path())


def daemon_runs(proc: Path = Path("/proc")) -> bool:
    """Whether a dockerd is running already, answering or not."""
    return any(_name_of(entry) == "dockerd" for entry in proc.glob("[0-9]*"))


def _name_of(process: Path) -> str:
    try:
        return (process / "comm").read_text().strip()
    except OSError:  # it ended meanwhile
        return ""


def remove_stale_pid_files(
    files: Mapping[Path, str] = MappingProxyType(PID_FILES), proc: Path = Path("/proc")
) -> list[Path]:
    """Remove the pid files of a dockerd and its containerd that are gone, and say which they were.

    When a daemon was killed, or its container started again, the old number may be another process by now:
    dockerd then refuses to start, or waits for a containerd that is none.
    """
    removed: list[Path] = []
    for file, program in files.items():
        try:
            pid = file.read_text().strip()
        except OSError:
            continue
        if not pid.isdigit() or _name_of(proc / pid) != program:
            file.unlink(missing_ok=True)
            removed.append(file)
    return removed


def start_service() -> None:
    """Have systemd start the engine.

    Raises:
        Stop: it would not.
    """
    done = subprocess.run(
        ["systemctl", "start", "docker"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise Stop(
            f"systemctl could not start Docker:\n\n  {done.stderr.strip()}\n\n"
            "Its log:  journalctl -u docker -n 30"
        )


def start_daemon(
    command: Sequence[str], *, host: str = LOCAL_HOST, log: Path = DAEMON_LOG, wait_s: float = START_S
) -> Answer:
    """Start dockerd in the background and wait until it answers. It outlives us, make and the terminal.

    Args:
        command: dockerd and its options.
        host: where it will answer.
        log: where its output goes (added at the end).
        wait_s: seconds to wait for the first answer.

    Raises:
        Stop: it ended or did not answer; with the end of its log and, where the cause is known, the remedy.
    """
    start = log.stat().st_size if log.exists() else 0
    environment = {**os.environ, "PATH": system_path()}
    with log.open("ab") as sink:
        daemon = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            env=environment,
            cwd="/",
            start_new_session=True,
        )
    LEFT_RUNNING.append(daemon)
    deadline = time.monotonic() + wait_s
    while time.monotonic() < deadline:
        answer = ping(host)
        if answer.ok:
            return answer
        if daemon.poll() is not None:
            raise Stop(_why_it_failed(f"dockerd ended with exit code {daemon.returncode}", log, start))
        time.sleep(POLL_S)
    raise Stop(_why_it_failed(f"dockerd runs, but does not answer at {host} after {wait_s:g} s", log, start))


def wait_for(host: str, wait_s: float = START_S) -> Answer:
    """Wait for an engine that somebody else has started.

    Raises:
        Stop: it did not answer in time.
    """
    deadline = time.monotonic() + wait_s
    answer = ping(host)
    while not answer.ok and time.monotonic() < deadline:
        time.sleep(POLL_S)
        answer = ping(host)
    if not answer.ok:
        raise Stop(
            f"A Docker daemon is running, but does not answer at {host}: {answer.detail}.\n"
            "Look at its log and restart it, or set DOCKER_HOST if it listens elsewhere:\n\n"
            "  journalctl -u docker -n 30      (with systemd)\n"
            f"  tail -n 30 {DAEMON_LOG}  (without)"
        )
    return answer


_NO_NETWORK = f"""\
dockerd may not set up a network here. The cells of latm have none, so this is enough:

  dockerd --iptables=false --ip6tables=false --bridge=none >>{DAEMON_LOG} 2>&1 &"""
_NO_RIGHTS = """\
This root has not all rights of one, as in a container. Run the container with --privileged, or set
DOCKER_HOST to an engine outside of it."""

REMEDIES = (
    (
        ("pid file found", "process with pid"),
        f"Another dockerd is running, or has left its pid file: rm {DAEMON_PID_FILE}",
    ),
    (("no space left",), "The disk under /var/lib/docker is full."),
    (("iptables", "bridge"), _NO_NETWORK),
    (("cgroup",), "The control groups of this machine are not mounted, or not writable.\n" + _NO_RIGHTS),
    (("operation not permitted", "permission denied", "driver not supported"), _NO_RIGHTS),
)
"""What dockerd says when it cannot start, and what helps. The first hit counts: general ones come last."""


def _why_it_failed(what: str, log: Path, start: int) -> str:
    """The end of the daemon's log since this start, and the remedy for what its last words complain of."""
    lines = [line for line in lines_since(log, start) if "level=info" not in line][-LOG_LINES:]
    last_words = "\n".join(lines[-LAST_WORDS:]).lower()  # warnings of no account stand before them
    remedy = next((text for signs, text in REMEDIES if any(sign in last_words for sign in signs)), "")
    return f"{what}. The end of its log, {log}:\n\n{quote(lines)}\n\n{remedy}".rstrip()
