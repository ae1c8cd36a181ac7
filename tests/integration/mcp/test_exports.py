"""`latm tools export --format`: what other programs take of a library."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any, get_args

import mcp_types as types
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from integration.mcp.conftest import SOURCES
from integration.mcp.tools import SECRET, tool
from latm import ConfigError, Scorecard
from latm._records import Evidence
from latm.cli._app import app
from latm.library import Library
from latm.serving import Form, definition, offers, python_module
from latm.serving._formats import OPENAI_LONGEST
from latm.serving._values import as_json, shown

LONG = "def f() -> str:\n    '''" + "Long. " * 1000 + "'''\n    return ''\n"


def export(*arguments: str) -> Result:
    return CliRunner(env={"NO_COLOR": "1", "LATM_CONFIG": None}).invoke(app, ["tools", "export", *arguments])


@pytest.fixture
def here(library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_command_prints_definitions_and_says_what_it_leaves_out(here: Path) -> None:
    done = export("--format", "anthropic")
    assert done.exit_code == 0, done.stderr
    assert [each["name"] for each in json.loads(done.stdout)] == list(SOURCES)
    assert done.stderr.startswith("coded is not offered: ")
    one = export("--format", "mcp", "--json", "adding", "Adding")
    assert [each["name"] for each in json.loads(one.stdout)] == ["adding"]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--format", "openai", "coded"), "latm: coded is not offered: "),
        (("--format", "mcp", "addin"), "Did you mean 'adding'?"),
        (("--format", "python", "--json"), "--format python writes Python, and no JSON"),
        ((), "say where the folders go: latm tools export DIRECTORY [NAME]"),
    ],
)
def test_a_mistake_is_said_in_one_line(here: Path, arguments: tuple[str, ...], problem: str) -> None:
    done = export(*arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert problem in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_command_prints_a_module_that_runs(here: Path) -> None:
    done = export("--format", "python", "adding")
    assert done.exit_code == 0, done.stderr
    assert "outside of the sandbox" in done.stderr
    module: dict[str, Any] = {}
    exec(compile(done.stdout, "exported.py", "exec"), module)
    assert (module["total"]([3, 4]), module["total"].__doc__) == (7, "Add numbers up.")


@pytest.mark.parametrize("form", get_args(Form))
def test_a_definition_has_the_shape_that_its_service_takes(form: Form) -> None:
    (offer,), _ = offers([tool("adding", SOURCES["adding"])])
    found = definition(offer, form)
    schema = {
        "type": "object",
        "properties": {"numbers": {"type": "array", "items": {"type": "integer"}}},
        "required": ["numbers"],
        "additionalProperties": False,
    }
    match form:
        case "openai":
            assert set(found) == {"type", "function"}
            assert found["type"] == "function"
            found, key = found["function"], "parameters"
        case "anthropic":
            key = "input_schema"
        case "mcp":
            key = "inputSchema"
            assert types.Tool.model_validate(found, by_name=False).annotations is not None
            extra: dict[str, Any] = {name: found.pop(name) for name in ("annotations", "_meta")}
            assert extra["_meta"] == {"latm/version": 1}
    assert set(found) == {"name", "description", key}
    assert (found["name"], found[key]) == ("adding", schema)
    assert found["description"].startswith("total(numbers: list[int]) -> int\nAdd numbers up.")
    assert "5 of 6 unseen questions were answered rightly." in found["description"]
    assert SECRET not in json.dumps(found)


def test_a_long_description_is_cut_to_what_services_take() -> None:
    (offer,), _ = offers([tool("long", LONG)])
    description = definition(offer, "openai")["function"]["description"]
    assert len(description) == OPENAI_LONGEST
    assert description.endswith("made by fake:maker. 3 of 4 stages of verification held.")


def test_several_tools_make_one_module() -> None:
    head = "from __future__ import annotations\nimport re\n\n\n"
    first = f"{head}def words(t: str) -> list[str]:\n    return re.findall('a', t)\n"
    second = f"{head}def count(t: str) -> int:\n    return len(re.findall('\f', t))"
    text = python_module([tool("first", first), tool("second", second), tool("adding", SOURCES["adding"])])
    assert text.count("from __future__") == 1
    assert SECRET not in text
    module: dict[str, Any] = {}
    exec(compile(text, "module", "exec"), module)
    assert (module["words"]("aba"), module["count"]("a\f"), module["total"]([1])) == (["a", "a"], 1, 1)


def test_two_tools_that_name_one_thing_differently_make_none() -> None:
    other = SOURCES["adding"].replace("sum", "len")
    with pytest.raises(ConfigError, match=r"adding and other both define total: .* --format python adding"):
        python_module([tool("adding", SOURCES["adding"]), tool("other", other)])
    assert python_module([tool("adding", SOURCES["adding"]), tool("same", SOURCES["adding"])])


def test_a_name_that_one_tool_defines_is_no_name_that_another_takes_from_python() -> None:
    """Else both would load, and one would compute something else than what was verified."""
    own = (
        "def sum(of: list[int]) -> int:\n    return 7\n\ndef seven(n: list[int]) -> int:\n    return sum(n)\n"
    )
    with pytest.raises(ConfigError, match="own defines sum, which adding takes from Python itself"):
        python_module([tool("adding", SOURCES["adding"]), tool("own", own)])
    head = "try:\n    import json as tools\nexcept ImportError:\n    tools = 1\n"
    tried = f"{head}\ndef f(n: int) -> int:\n    return n\n"
    with pytest.raises(ConfigError, match="one and two both define tools"):
        python_module(
            [tool("one", tried), tool("two", tried.replace("json", "re").replace("def f", "def g"))]
        )
    listed = "ODD = [n for n in (1, 3)]\n\ndef f(n: int) -> bool:\n    return n in ODD\n"
    other = listed.replace("ODD", "EVEN").replace("1, 3", "2, 4").replace("def f", "def g")
    assert python_module([tool("odd", listed), tool("even", other)])


@given(st.text(st.characters()))
def test_what_models_wrote_never_leaves_its_comment(summary: str) -> None:
    card = Scorecard(evidence=(Evidence(stage="verify", summary=summary),))
    text = python_module([tool("adding", SOURCES["adding"], scorecard=card)])
    assert text.endswith(SOURCES["adding"])
    (node,) = ast.parse(text).body
    assert isinstance(node, ast.FunctionDef)


KEYS = st.one_of(st.none(), st.booleans(), st.integers(), st.text(st.characters()), st.binary(), st.dates())
VALUES = st.recursive(
    st.one_of(KEYS, st.floats(), st.decimals(), st.complex_numbers(), st.fractions(), st.timedeltas()),
    lambda inner: st.one_of(
        st.lists(inner), st.dictionaries(KEYS, inner), st.sets(KEYS), st.tuples(inner, inner)
    ),
    max_leaves=20,
)


@settings(max_examples=50)
@given(VALUES)
def test_every_value_of_a_cell_is_valid_json(value: object) -> None:
    text = json.dumps(as_json(value), allow_nan=False, ensure_ascii=False)
    assert text.encode("utf-8")
    assert shown(value).encode("utf-8")
    assert as_json(json.loads(text)) == json.loads(text)
