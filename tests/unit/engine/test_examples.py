from __future__ import annotations

from pathlib import Path

import pytest

from latm import Config, ConfigError, Engine, Example, read_examples


def test_examples_are_read(tmp_path: Path) -> None:
    file = tmp_path / "e.jsonl"
    file.write_text(
        '{"question": "a\u2028b", "answer": "1"}\n\n{"question": "c", "answer": ""}\n', encoding="utf-8"
    )
    assert read_examples(file) == (Example("a\u2028b", "1"), Example("c", ""))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", r"e\.jsonl:2: is no JSON"),
        ("[]", r"e\.jsonl:2: must be an object"),
        ('{"question": "x"}', r"e\.jsonl:2: 'answer' is missing"),
        ('{"question": "x", "answer": 3}', r"e\.jsonl:2: 'answer' must be text, not int"),
        ('{"question": "x", "anser": "3"}', r"e\.jsonl:2: unknown key 'anser'\. Did you mean 'answer'\?"),
        ('{"question": " ", "answer": "3"}', r"e\.jsonl:2: 'question' is empty"),
    ],
)
def test_a_bad_line_is_named_by_its_number(tmp_path: Path, line: str, message: str) -> None:
    file = tmp_path / "e.jsonl"
    file.write_text('{"question": "a", "answer": "1"}\n' + line + "\n")
    with pytest.raises(ConfigError, match=message):
        read_examples(file)


def test_an_absent_or_empty_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        read_examples(tmp_path / "none.jsonl")
    empty = tmp_path / "empty.jsonl"
    empty.write_text("\n")
    with pytest.raises(ConfigError, match="holds no example"):
        read_examples(empty)
    binary = tmp_path / "binary.jsonl"
    binary.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_examples(binary)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"question": "c", "answer": "1"},
            r"examples\[1\]: must be an Example\(question, answer\), not dict",
        ),
        (("c", "1"), r"examples\[1\]: must be an Example\(question, answer\), not tuple"),
        (Example("c", 1), r"examples\[1\]: 'answer' must be text, not int"),  # type: ignore[arg-type]
        (Example(" ", "1"), r"examples\[1\]: 'question' is empty"),
    ],
)
def test_what_is_no_example_is_refused_by_its_place(tmp_path: Path, given: Example, message: str) -> None:
    config = Config(library=f"sqlite:///{tmp_path / 'latm.db'}")
    with Engine(config) as engine, pytest.raises(ConfigError, match=message):
        engine.make("sorting", [Example("a", "1"), given])
