"""The scripted provider, its strong model, and what none of its modules may know."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latm._fallback import _FINAL_ANSWER
from latm._ledger import price_of
from latm.cli.demo import generators, scripted
from latm.cli.demo.generators import questions
from latm.errors import ConfigError
from latm.plugin import Message, Request, Usage

FOLDER = Path(scripted.__file__).parent
ALLOWED = ("latm.plugin", "latm.config", "latm.errors", "latm.cli.demo.scripted")


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: a relative import hides where it leads"
            yield str(node.module)
            yield from (f"{node.module}.{each.name}" for each in node.names)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.name)
def test_scripted_models_import_nothing_that_knows_the_answers(path: Path):
    for module in imports(path):
        assert not module.startswith("latm") or module.startswith(ALLOWED), f"{path.name} imports {module}"
        assert module not in {"importlib", "sys", "inspect", "gc", "builtins"}, (
            f"{path.name} imports {module}"
        )


def test_the_generators_import_nothing_of_the_scripted_models():
    assert not any("scripted" in module for module in imports(Path(generators.__file__)))


@given(st.integers(min_value=0, max_value=2**32))
def test_the_strong_model_answers_all_and_reasons_before_it_answers(say, seed: int):
    for question in questions(30, seed=seed):
        reply = say("strong", question.text)
        (answer,) = _FINAL_ANSWER.findall(reply)
        assert question.accepts(answer), (question, reply)
        assert len(reply) > len(answer) + len("Answer: ") + 20


def test_what_the_strong_model_does_not_know_it_says(say):
    assert say("strong", "What did I eat yesterday?").endswith("Answer: I do not know")


def test_tokens_are_estimated_at_four_characters_each():
    request = Request(messages=(Message("user", "x" * 7), Message("assistant", "x" * 9)), system="x" * 5)
    assert scripted.estimated_usage(request, "x" * 5) == Usage(input=6, output=2)


def test_every_scripted_model_has_a_price_and_only_the_one_to_measure_against_is_free():
    free = {name for name, price in scripted.PRICES.items() if not price_of(Usage(input=9, output=9), price)}
    assert free == {"scripted:no-task"}
    assert set(scripted.MODELS.values()) == set(scripted.PRICES) - free


def test_an_unknown_scripted_model_is_named_with_the_nearest():
    (spec,) = scripted.ScriptedModels().latm_providers()
    with pytest.raises(ConfigError, match=r"no such scripted model: 'stong'\. Did you mean 'strong'"):
        spec.create("stong", {})
    with pytest.raises(ConfigError, match="have no option 'temperature'"):
        spec.create("strong", {"temperature": 1})
