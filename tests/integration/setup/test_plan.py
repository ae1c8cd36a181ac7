"""What set-up decides on machines of all sorts."""

from __future__ import annotations

import dataclasses

import pytest

from setting_up.engine import Answer, State
from setting_up.facts import Facts
from setting_up.plan import decide

ABSENT = Answer(State.ABSENT, "No such file or directory")
REFUSED = Answer(State.REFUSED, "Permission denied")
DEAD = Answer(State.DEAD, "Connection refused")

FRESH_DEBIAN_AS_ROOT = Facts(
    system="Debian GNU/Linux 12 (bookworm)",
    apt=True,
    debian=True,
    root=True,
    user="root",
    in_docker_group=False,
    python="3.11",
    python_path="/usr/bin/python3",
    python_of_system=True,
    makes_venvs=False,
    docker_host=None,
    engine=ABSENT,
    other_hosts=(),
    dockerd=False,
    dockerd_runs=False,
    iptables=False,
    database=False,
    browser=False,
    systemd=False,
)
FRESH_DEBIAN_AS_USER = dataclasses.replace(FRESH_DEBIAN_AS_ROOT, root=False, user="ada")


def test_root_on_a_fresh_debian_gets_all_that_is_missing() -> None:
    plan = decide(FRESH_DEBIAN_AS_ROOT, needs_venv=True, needs_engine=True)

    assert plan.packages == ["python3.11-venv", "docker.io", "iptables", "bubblewrap"]
    assert plan.optional == []
    assert plan.engine == "start"
    assert plan.problems == []


def test_a_database_server_and_a_browser_are_installed_for_tests_alone_and_where_that_is_possible() -> None:
    def optional(facts: Facts) -> list[str]:
        return decide(facts, needs_venv=False, needs_engine=True, for_tests=True).optional

    assert optional(FRESH_DEBIAN_AS_ROOT) == ["postgresql", "chromium"]
    assert optional(dataclasses.replace(FRESH_DEBIAN_AS_ROOT, database=True)) == ["chromium"]
    assert optional(dataclasses.replace(FRESH_DEBIAN_AS_ROOT, browser=True)) == ["postgresql"]
    assert optional(dataclasses.replace(FRESH_DEBIAN_AS_ROOT, debian=False)) == ["postgresql"]
    assert optional(dataclasses.replace(FRESH_DEBIAN_AS_ROOT, apt=False)) == []
    assert optional(FRESH_DEBIAN_AS_USER) == []


def test_a_user_on_a_fresh_debian_gets_every_command_at_once() -> None:
    plan = decide(FRESH_DEBIAN_AS_USER, needs_venv=True, needs_engine=True)

    assert plan.packages == []
    assert len(plan.problems) == 2
    advice = plan.advice(sudo=True).splitlines()
    commands = [line.strip() for line in advice if line.startswith("  ")]
    assert commands == [
        "sudo apt-get update",
        "sudo apt-get install --no-install-recommends python3.11-venv docker.io iptables",
        "sudo sh -c 'dockerd >>/var/log/dockerd.log 2>&1 &'",
        "sudo usermod -aG docker ada",
        "newgrp docker    # or log in again: a new group counts from then on",
    ]
    assert "DOCKER_HOST" in advice[-3]


def test_with_systemd_the_package_starts_the_engine() -> None:
    plan = decide(
        dataclasses.replace(FRESH_DEBIAN_AS_USER, systemd=True), needs_venv=False, needs_engine=True
    )

    assert not any("dockerd" in command for command in plan.commands)


@pytest.mark.parametrize("root", [True, False])
def test_an_engine_that_answers_is_used_as_it_is(root: bool) -> None:
    facts = dataclasses.replace(
        FRESH_DEBIAN_AS_ROOT,
        root=root,
        makes_venvs=True,
        engine=Answer(State.ANSWERS, "Docker 28.0"),
    )

    plan = decide(facts, needs_venv=True, needs_engine=True)

    assert (plan.engine, plan.packages, plan.problems) == ("use", [], [])


def test_what_runs_no_cells_asks_for_no_engine() -> None:
    plan = decide(FRESH_DEBIAN_AS_USER, needs_venv=False, needs_engine=False)

    assert (plan.engine, plan.packages, plan.problems) == ("none", [], [])


def test_a_daemon_that_is_installed_is_started() -> None:
    facts = dataclasses.replace(FRESH_DEBIAN_AS_ROOT, dockerd=True, iptables=True, engine=DEAD)

    plan = decide(facts, needs_venv=False, needs_engine=True)

    assert (plan.engine, plan.packages) == ("start", [])


def test_a_daemon_without_iptables_gets_it_first() -> None:
    facts = dataclasses.replace(FRESH_DEBIAN_AS_ROOT, dockerd=True)

    assert decide(facts, needs_venv=False, needs_engine=True).packages == ["iptables"]


def test_no_second_daemon_is_started_beside_one_that_does_not_answer_yet() -> None:
    facts = dataclasses.replace(FRESH_DEBIAN_AS_ROOT, dockerd=True, dockerd_runs=True)

    assert decide(facts, needs_venv=False, needs_engine=True).engine == "wait"


@pytest.mark.parametrize("root", [True, False])
def test_an_engine_that_was_named_is_not_replaced_by_another(root: bool) -> None:
    facts = dataclasses.replace(FRESH_DEBIAN_AS_ROOT, root=root, docker_host="tcp://far:2375", engine=DEAD)

    plan = decide(facts, needs_venv=False, needs_engine=True)

    assert plan.packages == []
    assert plan.problems == [
        "DOCKER_HOST is tcp://far:2375, and no Docker engine answers there: Connection refused."
    ]
    assert "unset DOCKER_HOST" in plan.advice(sudo=False)


def test_a_user_outside_the_docker_group_is_shown_the_way_in() -> None:
    facts = dataclasses.replace(FRESH_DEBIAN_AS_USER, engine=REFUSED, dockerd=True, dockerd_runs=True)

    plan = decide(facts, needs_venv=False, needs_engine=True)

    assert plan.commands[0] == "sudo usermod -aG docker ada"


def test_a_new_member_of_the_docker_group_only_has_to_log_in_again() -> None:
    facts = dataclasses.replace(FRESH_DEBIAN_AS_USER, engine=REFUSED, in_docker_group=True)

    plan = decide(facts, needs_venv=False, needs_engine=True)

    assert len(plan.commands) == 1
    assert plan.commands[0].startswith("newgrp docker")


@pytest.mark.parametrize(
    ("systemd", "command"),
    [
        (True, "sudo systemctl start docker"),
        (False, "sudo sh -c 'dockerd >>/var/log/dockerd.log 2>&1 &'"),
    ],
)
def test_a_user_is_told_how_to_start_a_daemon_that_is_down(systemd: bool, command: str) -> None:
    facts = dataclasses.replace(FRESH_DEBIAN_AS_USER, dockerd=True, engine=DEAD, systemd=systemd)

    plan = decide(facts, needs_venv=False, needs_engine=True)

    assert plan.commands[0] == command


def test_a_rootless_engine_that_answers_elsewhere_is_named() -> None:
    facts = dataclasses.replace(
        FRESH_DEBIAN_AS_USER, engine=REFUSED, other_hosts=("unix:///run/user/7/docker.sock",)
    )

    plan = decide(facts, needs_venv=False, needs_engine=True)

    assert plan.commands == []
    assert "export DOCKER_HOST=unix:///run/user/7/docker.sock" in plan.advice(sudo=True)


@pytest.mark.parametrize("root", [True, False])
def test_other_systems_are_told_what_is_needed(root: bool) -> None:
    facts = dataclasses.replace(FRESH_DEBIAN_AS_ROOT, system="Fedora Linux 42", apt=False, root=root)

    advice = decide(facts, needs_venv=False, needs_engine=True).advice(sudo=not root)

    assert "this is Fedora Linux 42" in advice
    assert "https://docs.docker.com/engine/install/" in advice
    assert "apt-get" not in advice


def test_a_python_that_apt_cannot_complete_is_to_be_replaced() -> None:
    facts = dataclasses.replace(
        FRESH_DEBIAN_AS_ROOT, python_of_system=False, python_path="/opt/python/bin/python3"
    )

    plan = decide(facts, needs_venv=True, needs_engine=False)

    assert plan.packages == []
    assert "/opt/python/bin/python3" in plan.problems[0]
    assert "PYTHON=" in plan.hints[0]
