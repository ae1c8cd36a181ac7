"""Tools in the forms that other programs take: definitions for models, and a module of Python."""

from __future__ import annotations

import ast
import builtins
import io
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from typing import Any, Literal, TypeAlias

from latm._reading import parse
from latm._records import Tool
from latm.errors import ConfigError
from latm.serving._offers import Offer, evidence

Form: TypeAlias = Literal["openai", "anthropic", "mcp"]
"""Whose definitions of tools: ``openai``, ``anthropic`` or ``mcp``."""

OPENAI_LONGEST = 1024
"""Characters of a function's description; what services of OpenAI's shape take."""

MCP_LONGEST = 4000
"""Characters of a tool's description, so that many tools still leave a client's model room."""

_WARNING = (
    "Language models wrote these functions. Here they run outside of the sandbox of latm,",
    "with all the rights of your program and without limits of time and memory: read them first.",
)


def definition(offer: Offer, form: Form) -> dict[str, Any]:
    """A tool as one entry of the list of tools that a service takes.

    Args:
        offer: the tool.
        form: ``openai``: as Chat Completions takes it, and what speaks as it does; ``anthropic``: as Messages
            takes it; ``mcp``: as an MCP server lists it.
    """
    parameters = dict(offer.parameters)
    if form == "openai":
        description = offer.description(OPENAI_LONGEST)
        function = {"name": offer.name, "description": description, "parameters": parameters}
        return {"type": "function", "function": function}
    described = {"name": offer.name, "description": offer.description(MCP_LONGEST)}
    if form == "anthropic":
        return {**described, "input_schema": parameters}
    return {
        **described,
        "inputSchema": parameters,
        "annotations": {"readOnlyHint": True, "idempotentHint": True, "openWorldHint": False},
        "_meta": {"latm/version": offer.tool.version},
    }


def python_module(tools: Sequence[Tool]) -> str:
    """The functions of tools as one module, behind a comment that says where each comes from.

    The source of one tool stays byte for byte as it was verified; of several only what has to stand at the
    top of a module, ``from __future__``, is moved there.

    Raises:
        ConfigError: two tools bind one name to different things.
    """
    parts = ["\n".join(f"# {line}" for line in (f"Written by latm {version('latm')}.", *_WARNING))]
    if len(tools) == 1:
        end = "" if tools[0].source.endswith("\n") else "\n"
        return "\n\n".join([*parts, f"{_header(tools[0])}\n{tools[0].source}{end}"])
    _check_names(tools)
    futures: dict[str, None] = {}
    bodies: list[str] = []
    for tool in tools:
        body, moved = _without_future(tool.source)
        futures |= dict.fromkeys(moved)
        bodies.append(f"{_header(tool)}\n{body.strip(chr(10))}")
    if futures:
        parts.append(f"from __future__ import {', '.join(futures)}")
    return "\n\n".join(parts) + "\n\n" + "\n\n\n".join(bodies) + "\n"


def _header(tool: Tool) -> str:
    origin = tool.provenance
    lines = [
        f"{tool.name}, version {tool.version}: {tool.function}",
        f"made by {origin.maker}, {origin.created}, protocol {origin.protocol}, making {origin.run}",
        f"source sha256 {origin.source_sha256}",
        *evidence(tool),
    ]
    return "\n".join(f"# {_comment(line)}" for line in lines)


def _comment(text: str) -> str:
    """A text as part of a comment, whatever a model wrote: the next line would be code."""
    return "".join(each for each in " ".join(text.split()) if each.isprintable())


def _check_names(tools: Sequence[Tool]) -> None:
    bound: dict[str, tuple[str, str]] = {}
    for tool in tools:
        for name, statement in _bindings(tool.source):
            other, same = bound.setdefault(name, (tool.name, statement))
            if other != tool.name and same != statement:
                raise _clash(f"{other} and {tool.name} both define {name}", other)
    for tool in tools:
        own = {name for name, _ in _bindings(tool.source)}
        for name in sorted(_taken(tool.source) & bound.keys() & vars(builtins).keys() - own):
            other, _ = bound[name]
            raise _clash(f"{other} defines {name}, which {tool.name} takes from Python itself", other)


def _clash(what: str, name: str) -> ConfigError:
    return ConfigError(
        f"{what}: write each into a module of its own, with latm tools export --format python {name} > "
        f"{name.replace('-', '_')}.py"
    )


def _taken(source: str) -> set[str]:
    """The names that a source reads anywhere."""
    tree = parse(source)
    return {each.id for each in ast.walk(tree) if isinstance(each, ast.Name)} if tree else set()


def _bindings(source: str) -> Iterator[tuple[str, str]]:
    """The names that a module binds at its top, under ``try`` too, each with the statement that does."""
    tree = parse(source)
    for statement in tree.body if tree else ():
        yield from _bound_in(statement, statement)


def _bound_in(node: ast.AST, statement: ast.stmt) -> Iterator[tuple[str, str]]:
    match node:
        case ast.Import() | ast.ImportFrom():
            for alias in node.names:
                # Alone in its statement or not: the same import is no clash.
                origin = f"import {getattr(node, 'module', '')}.{alias.name}"
                bound = alias.asname or alias.name.partition(".")[0]
                yield bound, origin if node is statement else ast.unparse(statement)
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            yield node.name, ast.unparse(statement)
        case ast.Name(ctx=ast.Store()):
            yield node.id, ast.unparse(statement)
        case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp() | ast.Lambda():
            pass  # what these bind is theirs alone
        case _:
            for each in ast.iter_child_nodes(node):
                yield from _bound_in(each, statement)


def _without_future(source: str) -> tuple[str, list[str]]:
    """A source less its ``from __future__`` lines, and what they name."""
    tree = parse(source)
    lines = io.StringIO(source, newline="").readlines()  # as Python counts them: a form feed ends none
    moved: list[str] = []
    for node in reversed(tree.body if tree else []):
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            moved[:0] = [alias.name for alias in node.names]
            del lines[node.lineno - 1 : node.end_lineno]
    return "".join(lines), moved
