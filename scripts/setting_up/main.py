"""The order of things: look, decide, and only then change anything."""

from __future__ import annotations

import argparse
import fcntl
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from setting_up import engine
from setting_up.console import Stop, complain, run_logged, say
from setting_up.environment import Condition, Environment
from setting_up.facts import Facts, read_facts
from setting_up.plan import Plan, decide, may_add

ROOT = Path(__file__).resolve().parents[2]
APT_LOCK_S = 120
"""How long apt-get waits for another one, such as the automatic updates of a fresh machine."""


def main(arguments: Sequence[str]) -> int:
    """Run set-up; the exit code is 0 when all is ready."""
    parser = argparse.ArgumentParser(prog="make setup", description=__doc__)
    parser.add_argument("--without-engine", action="store_true", help="packages only")
    parser.add_argument("--for-tests", action="store_true", help="what only tests use, too")
    parser.add_argument("--exactly", action="store_true", help="make .venv with the Python that runs this")
    options = parser.parse_args(arguments)
    try:
        set_up(
            ROOT,
            needs_engine=not options.without_engine,
            for_tests=options.for_tests,
            exactly=options.exactly,
        )
    except Stop as reason:
        complain(str(reason))
        return 1
    except PermissionError as error:
        complain(
            f"{error.filename} may not be written, perhaps because set-up was run by another user before.\n"
            f"To make it yours:\n\n  sudo chown -R $(id -u) {ROOT}"
        )
        return 1
    except KeyboardInterrupt:
        complain("Interrupted. The next run begins again where that is needed.")
        return 130
    return 0


def set_up(root: Path, *, needs_engine: bool, exactly: bool, for_tests: bool = False) -> None:
    """Bring a work tree and this machine to where demo and tests can run.

    Raises:
        Stop: something is missing that only the user can mend, or a step failed.
    """
    start = time.monotonic()
    log = root / ".cache" / "setup.log"
    environment = Environment(root, log)
    facts = read_facts()
    complete = (facts.engine.ok or not needs_engine) and not (for_tests and may_add(facts))
    if complete and environment.condition(exactly=exactly) is Condition.READY:
        if needs_engine:
            say(f"ready (.venv, {facts.engine.detail})")
        return
    with _alone(root / ".cache" / "setup.lock"):
        condition = environment.condition(exactly=exactly)  # another set-up may have finished meanwhile
        plan = decide(
            facts,
            needs_venv=condition is Condition.UNUSABLE,
            needs_engine=needs_engine,
            for_tests=for_tests,
        )
        if plan.problems:
            raise Stop(plan.advice(sudo=not facts.root))
        _carry_out(plan, facts, environment, condition, log)
    say(f"ready after {time.monotonic() - start:.0f} s")


def _carry_out(plan: Plan, facts: Facts, environment: Environment, condition: Condition, log: Path) -> None:
    log.unlink(missing_ok=True)
    if plan.packages:
        _install(plan.packages, log)
    for package in plan.optional:
        try:
            _install([package], log)
        except Stop as reason:
            say(f"{reason}\nGoing on without: tests that need {package} are skipped.")
    # The engine comes first: where it cannot start, that is known before the long part.
    _provide_engine(plan, facts)
    if condition is Condition.UNUSABLE:
        environment.make()
    if condition is not Condition.READY:
        environment.install()


def _install(packages: Sequence[str], log: Path) -> None:
    say(f"installing {', '.join(packages)} by apt-get")
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    apt = ["apt-get", "-q", "-o", f"DPkg::Lock::Timeout={APT_LOCK_S}"]
    run_logged([*apt, "update"], log, env=quiet)
    run_logged([*apt, "install", "--yes", "--no-install-recommends", *packages], log, env=quiet)


def _provide_engine(plan: Plan, facts: Facts) -> None:
    if plan.engine == "use":
        say(f"using {facts.engine.detail}")
    elif plan.engine == "wait":
        say("a Docker daemon is running, but does not answer yet; waiting for it")
        say(f"using {engine.wait_for(engine.LOCAL_HOST, wait_s=engine.RUNNING_S).detail}")
    elif plan.engine == "start":
        _start_engine(facts)


def _start_engine(facts: Facts) -> None:
    """Start the engine, unless its package has just done so."""
    command = engine.daemon_command()
    if command is None:
        raise Stop("The package docker.io is installed, but brought no dockerd.")
    if facts.systemd:
        engine.start_service()
        answer = engine.wait_for(engine.LOCAL_HOST)
        say(f"started {answer.detail} as a service")
        return
    if engine.daemon_runs():
        say(f"{engine.wait_for(engine.LOCAL_HOST).detail} was started with its package")
        return
    for file in engine.remove_stale_pid_files():
        say(f"removed {file}, left by a daemon that is gone")
    answer = engine.start_daemon([command])
    say(f"started {answer.detail} in the background (log: {engine.DAEMON_LOG})")


@contextmanager
def _alone(path: Path) -> Generator[None]:
    """Hold a lock, so that two set-ups of one work tree do not install over each other."""
    path.parent.mkdir(exist_ok=True)
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another set-up of this work tree")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
