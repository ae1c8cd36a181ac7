"""Decide, from facts alone, what set-up does here, or what the user has to do first."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from setting_up.engine import DAEMON_LOG, LOCAL_HOST, State
from setting_up.facts import Facts

DOCKER_PACKAGES = ("docker.io", "iptables")
SECOND_JAIL = "bubblewrap"  # small, and what is tested only where it is there
DATABASE = "postgresql"  # for the tests of a library on a server, which start one of their own
BROWSER = "chromium"  # for the tests of pages
DOCKER_MANUAL = "https://docs.docker.com/engine/install/"
START_BY_HAND = f"dockerd >>{DAEMON_LOG} 2>&1 &"


@dataclass(slots=True)
class Plan:
    """What to do. With problems, nothing may be done: the user gets them, and what mends them, at once.

    Attributes:
        packages: what to install by apt-get.
        optional: what to install too, if that works: some tests are skipped without it.
        engine: use the one that answers, wait for the one that is running, or start one.
        problems: what is missing, a sentence each.
        missing: packages that the user has to install, since we may not.
        commands: what the user has to run after installing those.
        hints: other ways out.
    """

    packages: list[str] = field(default_factory=list)
    optional: list[str] = field(default_factory=list)
    engine: Literal["none", "use", "wait", "start"] = "none"
    problems: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)

    def advice(self, *, sudo: bool) -> str:
        """The problems and the exact commands, as text."""
        commands = list(self.commands)
        if self.missing:
            install = f"apt-get install --no-install-recommends {' '.join(self.missing)}"
            prefix = "sudo " if sudo else ""
            commands = [f"{prefix}apt-get update", f"{prefix}{install}", *commands]
        parts = ["latm cannot be set up yet.", *self.problems]
        if commands:
            parts.append("Run:\n\n" + "\n".join(f"  {command}" for command in commands))
        parts += self.hints
        return "\n\n".join(parts) + "\n\nThen run this again."


def decide(facts: Facts, *, needs_venv: bool, needs_engine: bool, for_tests: bool = False) -> Plan:
    """The plan for a machine.

    Args:
        facts: the machine.
        needs_venv: there is no usable .venv.
        needs_engine: what is asked for runs code in cells.
        for_tests: tests are to be run, and not only latm.
    """
    plan = Plan()
    if needs_venv and not facts.makes_venvs:
        _plan_venv(facts, plan)
    if needs_engine:
        _plan_engine(facts, plan)
    if for_tests:
        plan.optional += may_add(facts)
    return plan


def may_add(facts: Facts) -> list[str]:
    """The packages for tests alone that are missing and that set-up may install."""
    if not (facts.root and facts.apt):
        return []
    # Ubuntu's package of the browser brings none: it hands over to snap.
    wanted = {DATABASE: not facts.database, BROWSER: not facts.browser and facts.debian}
    return [package for package, missing in wanted.items() if missing]


def _plan_venv(facts: Facts, plan: Plan) -> None:
    package = f"python{facts.python}-venv"
    if facts.apt and facts.python_of_system:
        if facts.root:
            plan.packages.append(package)
            return
        plan.problems.append(f"Python's venv module is not complete: the package {package} is missing.")
        plan.missing.append(package)
        return
    plan.problems.append(
        f"{facts.python_path} (Python {facts.python}) cannot make virtual environments: "
        "it has no venv or no ensurepip module."
    )
    plan.hints.append("Choose another Python:  make setup PYTHON=/path/to/python3")


def _plan_engine(facts: Facts, plan: Plan) -> None:
    if facts.engine.ok:
        plan.engine = "use"
    elif facts.docker_host is not None:
        _stop_at_docker_host(facts, plan)
    elif facts.root and facts.dockerd_runs:
        plan.engine = "wait"
    elif facts.root and facts.dockerd:
        plan.packages += ["iptables"] if facts.apt and not facts.iptables else []
        plan.engine = "start"
    elif facts.root and facts.apt:
        plan.packages += (*DOCKER_PACKAGES, SECOND_JAIL)
        plan.engine = "start"
    else:
        _stop_without_engine(facts, plan)


def _stop_at_docker_host(facts: Facts, plan: Plan) -> None:
    """An engine that was named is not replaced by another one behind the user's back."""
    plan.problems.append(
        f"DOCKER_HOST is {facts.docker_host}, and no Docker engine answers there: {facts.engine.detail}."
    )
    plan.hints.append(
        "Start that engine, correct DOCKER_HOST, or unset it to use the engine of this machine:\n\n"
        "  unset DOCKER_HOST"
    )


def _stop_without_engine(facts: Facts, plan: Plan) -> None:
    if facts.engine.state is State.REFUSED:
        plan.problems.append(f"The Docker engine of this machine is not open to {facts.user}.")
    elif facts.dockerd:
        plan.problems.append(f"Docker is installed, but not running ({LOCAL_HOST}: {facts.engine.detail}).")
        plan.commands.append(_start_command(facts))
    elif facts.apt:
        plan.problems.append("There is no Docker engine, and installing one needs root.")
        plan.missing += DOCKER_PACKAGES
        if not facts.systemd:  # with systemd, the package starts it
            plan.commands.append(_start_command(facts))
    else:
        plan.problems.append(
            "There is no Docker engine, and set-up can install one on Debian and Ubuntu only; "
            f"this is {facts.system}."
        )
        plan.hints.append(f"Install Docker Engine 20.10 or newer and start it: {DOCKER_MANUAL}")
    _offer_access(facts, plan)


def _start_command(facts: Facts) -> str:
    return "sudo systemctl start docker" if facts.systemd else f"sudo sh -c '{START_BY_HAND}'"


def _offer_access(facts: Facts, plan: Plan) -> None:
    """How one who is not root comes to use an engine."""
    if not facts.root and not facts.other_hosts:
        if not facts.in_docker_group:
            plan.commands.append(f"sudo usermod -aG docker {facts.user}")
        plan.commands.append("newgrp docker    # or log in again: a new group counts from then on")
    if facts.other_hosts:
        plan.hints.append(
            f"An engine of yours answers already. To use it:\n\n  export DOCKER_HOST={facts.other_hosts[0]}"
        )
    else:
        plan.hints.append("Or set DOCKER_HOST to an engine that you may use (rootless, remote).")
