"""The demo end to end: scripted models, real cells, a real library."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from unittest import mock

import pytest

from commanding import command
from latm._figures import usd
from latm._ledger import Spend, price_of
from latm.cli.demo import command as the_command
from latm.cli.demo import scripted
from latm.cli.demo.generators import TASKS
from latm.cli.demo.measuring import paybacks
from latm.cli.demo.running import PLAIN, Asked, DemoResult, Options, Watcher, run
from latm.config import Config
from latm.plugin import Backend, ProviderSpec, Rejected, Reply, Request, hookimpl

pytestmark = pytest.mark.docker

LATM = Path(sys.executable).with_name("latm")
# Made in a moment, where it is not the making that is looked at.
QUICK = dataclasses.replace(PLAIN, making={"protocol": "paper"})
NEEDED = 9
"""Answered questions of a task until its tool is made."""


class Recorder:
    """Watches the demo and remembers."""

    def __init__(self) -> None:
        self.events: list[tuple[str, Mapping[str, object]]] = []
        self.numbers: list[int] = []
        self.prepared: list[str] = []

    def preparing(self, what: str) -> None:
        self.prepared.append(what)

    def heard(self, name: str, fields: Mapping[str, object]) -> None:
        self.events.append((name, fields))

    def answered(self, asked: Asked, spent: Spend) -> None:
        assert spent.calls
        self.numbers.append(asked.number)

    def attempts(self, task: str) -> list[tuple[object, object, object]]:
        return [
            (fields["stage"], fields["number"], fields["problem"])
            for name, fields in self.events
            if name == "make.attempt" and fields["task"] == task
        ]


class Both:
    """Tells two watchers the same."""

    def __init__(self, *watchers: Watcher) -> None:
        self._watchers = watchers

    def preparing(self, what: str) -> None:
        for each in self._watchers:
            each.preparing(what)

    def heard(self, name: str, fields: Mapping[str, object]) -> None:
        for each in self._watchers:
            each.heard(name, fields)

    def answered(self, asked: Asked, spent: Spend) -> None:
        for each in self._watchers:
            each.answered(asked, spent)


@dataclasses.dataclass(frozen=True)
class Shown:
    """The demo as the command shows it, and what a watcher beside the command saw."""

    result: DemoResult
    recorder: Recorder
    done: subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    recorder, results = Recorder(), list[DemoResult]()

    def watched_run(options: Options, progress: Watcher) -> DemoResult:
        results.append(run(options, Both(progress, recorder)))
        return results[-1]

    folder = tmp_path_factory.mktemp("demo")
    with mock.patch.object(the_command, "run", watched_run):
        done = command(folder, "demo", "--library", str(folder / "demo.db"))
    assert done.returncode == 0, done.stderr
    return Shown(results[0], recorder, done)


@pytest.fixture(scope="module")
def watched(shown: Shown) -> tuple[DemoResult, Recorder]:
    return shown.result, shown.recorder


def test_every_answer_is_right(watched: tuple[DemoResult, Recorder]):
    result, recorder = watched
    assert [each for each in result.asked if not each.right] == []
    assert recorder.numbers == list(range(1, 91))
    assert result.error is None
    assert result.failures == ()


@pytest.mark.parametrize("task", TASKS)
def test_the_first_questions_of_a_task_go_to_the_strong_model_and_all_later_ones_to_the_tool(
    watched: tuple[DemoResult, Recorder], task: str
):
    routes = [each.answer.route for each in watched[0].asked if each.question.task == task]
    assert routes == ["model"] * NEEDED + ["tool"] * (26 - NEEDED)


def test_questions_of_no_task_go_to_the_strong_model(watched: tuple[DemoResult, Recorder]):
    foreign = [each.answer for each in watched[0].asked if each.question.task is None]
    assert len(foreign) == 12
    assert {(answer.route, answer.tool) for answer in foreign} == {("model", None)}


def test_one_proposal_fails_in_the_cell_and_is_mended(watched: tuple[DemoResult, Recorder]):
    (first, *others) = watched[1].attempts("dyck-completion")
    assert first[:2] == ("propose", 1)
    assert "ValueError: ' ' closes nothing that is open" in str(first[2])
    assert others == [
        ("propose", 2, None),
        ("verify", 1, None),
        ("properties", 1, None),
        ("parser", 1, None),
    ]


def test_one_verification_has_calls_that_do_not_fit_and_is_mended(watched: tuple[DemoResult, Recorder]):
    attempts = watched[1].attempts("tracking-shuffled-objects")
    assert attempts[0] == ("propose", 1, None)
    assert attempts[1][:2] == ("verify", 1)
    assert "missing 1 required positional argument: 'person'" in str(attempts[1][2])
    assert attempts[2:] == [("verify", 2, None), ("properties", 1, None), ("parser", 1, None)]


def test_one_function_is_right_for_all_examples_and_wrong_and_a_property_finds_it(
    watched: tuple[DemoResult, Recorder],
):
    attempts = watched[1].attempts("word-sorting")
    (found,) = [each for each in attempts if each[2] is not None]
    assert found[:2] == ("properties", 2)
    assert "The property test_in_order does not hold: sort_words([" in str(found[2])
    assert attempts[-2:] == [("verify", 2, None), ("parser", 1, None)]


def test_each_tool_passed_its_exam_and_every_property_holds(watched: tuple[DemoResult, Recorder]):
    for tool in watched[0].tools:
        evidence = {each.stage: each for each in tool.scorecard.evidence}
        assert evidence["exam"].figures["right"] == evidence["exam"].figures["asked"] == 3
        assert evidence["properties"].figures["holds"]
        assert not evidence["properties"].figures["dropped"]


def test_the_papers_protocol_is_shown_by_configuration():
    recorder = Recorder()
    result = run(Options(questions=30, config=Config(making={"protocol": "paper"})), recorder)
    assert all(each.right for each in result.asked)
    assert {each.provenance.protocol for each in result.tools} == {"paper"}
    assert recorder.attempts("word-sorting") == [
        ("propose", 1, None),
        ("verify", 1, None),
        ("wrap", 1, None),
    ]


def test_the_accounts_add_up(watched: tuple[DemoResult, Recorder]):
    result, _ = watched
    assert {role: spend.calls for role, spend in result.spend.items()} == {
        "maker": 15,
        "user": 60,
        "dispatcher": 90,
        "fallback": 39,
    }
    for role, spend in result.spend.items():
        price = scripted.PRICES[result.models[role]]
        assert spend.cost_usd == price_of(spend.usage, price)
    assert result.total.cost_usd == sum(spend.known_usd for spend in result.spend.values())
    making = sum(tool.provenance.cost_usd or 0 for tool in result.tools)
    exams = making - result.spend["maker"].known_usd
    assert 0 < exams < result.spend["user"].known_usd


def test_the_strong_model_alone_is_measured_on_the_same_questions(watched: tuple[DemoResult, Recorder]):
    result, _ = watched
    assert not result.alone_estimated
    assert all(each.alone_right for each in result.asked)
    own = [each for each in result.asked if each.answer.route == "model"]
    # What it was paid for its own answers within the demo is what the same questions cost it alone.
    assert sum((each.alone_usd or Decimal(0)) for each in own) == result.spend["fallback"].cost_usd


def test_every_tool_breaks_even_within_the_stream(watched: tuple[DemoResult, Recorder]):
    result, _ = watched
    for account in paybacks(result):
        assert account.used == 17
        assert account.reached is not None
        assert account.questions is not None
        assert account.saving_usd is not None
        assert account.making_usd is not None
        assert account.saving_usd * account.questions >= account.making_usd


def test_the_documentation_shows_the_accounts_as_they_are(repo: Path, watched: tuple[DemoResult, Recorder]):
    result, _ = watched
    alone = sum(each.alone_usd or 0 for each in result.asked)
    roles = {role: spend.cost_usd for role, spend in result.spend.items()}
    page = (repo / "docs" / "when-not.md").read_text(encoding="utf-8")
    for each in paybacks(result):
        cost = " | ".join(map(usd, (each.making_usd, each.alone_usd, each.tool_usd)))
        assert f"| {each.tool.name} | {cost} | {each.questions} uses |" in page
    assert f"{usd(roles['dispatcher'])} for 90 questions" in page
    assert f"the user model's {usd(roles['user'])} / 60" in page
    assert f"alone takes {usd(alone)}" in page
    figures = (repo / "docs" / "figures.md").read_text(encoding="utf-8")
    assert f"{usd(result.total.cost_usd)}, {usd(alone)}" in figures


@pytest.mark.soak  # a whole demo more
def test_a_second_run_is_as_the_first(watched: tuple[DemoResult, Recorder]):
    again = run(Options())
    assert [each.answer.text for each in again.asked] == [each.answer.text for each in watched[0].asked]
    assert again.total == watched[0].total


@pytest.mark.soak  # a whole demo more
def test_tools_that_are_kept_serve_the_next_run_from_its_first_question(tmp_path: Path):
    library = str(tmp_path / "kept.db")
    run(Options(questions=60, library=library))
    recorder = Recorder()
    result = run(Options(questions=15, seed=2, library=library), recorder)
    assert all(each.right for each in result.asked)
    routes = {(each.question.task is None, each.answer.route) for each in result.asked}
    assert routes == {(True, "model"), (False, "tool")}
    assert "maker" not in result.spend
    assert not any(name.startswith("make.") for name, _ in recorder.events)
    assert all(account.making_usd for account in paybacks(result))


class Unpriced:
    """Stands in for real models: a provider without prices, whose models reply as the scripted ones do."""

    def __init__(self, *, last: int | None = None) -> None:
        self.asked = 0
        self.last = last

    @hookimpl
    def latm_providers(self) -> list[ProviderSpec]:
        (own,) = scripted.ScriptedModels().latm_providers()

        def create(model: str, options: Mapping[str, object]) -> Backend:
            return _Counting(own.create(model, options), self)

        return [ProviderSpec(name="mine", create=create)]


class _Counting:
    def __init__(self, backend: Backend, shared: Unpriced) -> None:
        self._backend = backend
        self._shared = shared

    async def complete(self, request: Request) -> Reply:
        self._shared.asked += 1
        if self._shared.last is not None and self._shared.asked > self._shared.last:
            raise Rejected("no more of this")
        return await self._backend.complete(request)

    async def aclose(self) -> None:
        await self._backend.aclose()


def test_real_models_take_roles_and_their_unknown_prices_stay_unknown():
    models = {"maker": "mine:maker", "fallback": "mine:strong"}
    options = Options(questions=40, models=models, config=QUICK, concurrency=1)
    result = run(options, plugins={"mine": Unpriced()})
    assert all(each.right for each in result.asked)
    assert result.scripted_roles == ("user", "dispatcher")
    assert result.spend["fallback"].cost_usd is None
    assert result.total.cost_usd is None
    assert result.spend["user"].cost_usd is not None
    assert result.alone_estimated
    assert all(each.alone_usd is None for each in result.asked)


def test_with_prices_the_strong_models_cost_alone_is_estimated_by_task():
    prices = {"mine:strong": scripted.PRICES["scripted:strong"]}
    config = dataclasses.replace(QUICK, prices=prices)
    options = Options(questions=60, models={"fallback": "mine:strong"}, config=config, concurrency=1)
    result = run(options, plugins={"mine": Unpriced()})
    assert result.alone_estimated
    exact = sum((each.alone_usd or Decimal(0)) for each in result.asked if each.answer.route == "model")
    assert exact == result.spend["fallback"].cost_usd
    for task in TASKS:
        ours = [each for each in result.asked if each.question.task == task]
        own = [each.alone_usd for each in ours if each.answer.route == "model" and each.alone_usd is not None]
        (estimate,) = {each.alone_usd for each in ours if each.answer.route == "tool"}
        assert estimate == sum(own, Decimal(0)) / len(own)


def test_a_model_that_fails_on_the_way_ends_the_stream_and_what_was_answered_is_reported():
    options = Options(questions=30, models={"fallback": "mine:strong"}, concurrency=1)
    result = run(options, plugins={"mine": Unpriced(last=9)})
    assert isinstance(result.error, Rejected)
    assert 9 <= len(result.asked) < 30
    assert result.total.calls


def test_a_model_that_fails_at_the_first_question_is_an_error_at_once():
    with pytest.raises(Rejected, match="no more of this"):
        run(
            Options(questions=30, models={"dispatcher": "mine:dispatcher"}),
            plugins={"mine": Unpriced(last=0)},
        )


def latm(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [LATM, "demo", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, **variables},
    )


def test_the_command_prints_the_tables_to_stdout_and_progress_to_stderr(shown: Shown):
    done = shown.done
    for text in (
        "90 questions (seed 7)",
        "51 answered by tools, 39 by the strong model",
        "All models here are scripted",
        "Dyck completion 9 of 9 100 % 17 of 17 100 % 26 of 26 100 %",
        "maker scripted:maker 15 ",
        "The strong model alone would have cost $0.",
        "even after",
        "tracking-shuffled-objects v1",
        "The tools are in sqlite:///",
        "So the break-evens may differ by some uses",
    ):
        assert text in " ".join(done.stdout.split())
    for text in (
        "propose    1  failed: ValueError: ' ' closes nothing that is open",
        "propose    2  mended: it runs in a cell",
        "verify     1  failed: TypeError: track_thing() missing 1 required",
        "verify     2  mended: its answers are right",
        "properties 2  failed: The property test_in_order does not hold: sort_words([",
        "exam          3 of 3 unseen questions were answered rightly",
        "answered 90 of 90: 51 by tool, $0.",
    ):
        assert text in done.stderr
    assert "\x1b" not in done.stdout + done.stderr


def test_the_command_prints_one_json_object(tmp_path: Path):
    done = latm("--json", "--questions", "20", "--seed", "5")
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)
    assert data["questions"] == len(data["answers"]) == 20
    assert data["accuracy"]["all"]["all"] == {"right": 20, "asked": 20}
    assert data["scripted"] == ["maker", "user", "dispatcher", "fallback"]
    assert Decimal(data["strong_alone"]["usd"]) > 0


def test_without_an_engine_one_message_says_so_before_any_question():
    done = latm(DOCKER_HOST="unix:///nowhere/docker.sock")
    assert done.returncode == 3
    assert done.stdout == ""
    assert "answered" not in done.stderr
    (message,) = [line for line in done.stderr.splitlines() if line.startswith("latm: ")]
    assert "unix:///nowhere/docker.sock" in message
    assert "Traceback" not in done.stderr
