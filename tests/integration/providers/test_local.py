"""``local:`` passes the kit, and fills its place in an engine's table of providers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from latm._plugins import Plugins
from latm.errors import Rejected
from latm.plugin import Call, Function, Message, Request, Usage
from latm.testing import Scenario, check_provider

pytestmark = pytest.mark.anyio
CARD = "Question: Close: ( (\nCall: close('( (')"
ASKED = Request(
    messages=(Message("user", "Close: ( ("),),
    system=f"## closing\n{CARD}",
    response_schema={
        "type": "object",
        "properties": {"decision": {"type": "string", "enum": ["closing", "unsure"]}},
    },
)
CHOICES = Request(messages=ASKED.messages, functions=(Function(name="closing", description=CARD),))
CONVERSATION = Request(messages=(Message("user", "Say something."),))


def static_model(folder: Path) -> str:
    """A directory as sentence-transformers writes it, of two words."""
    np = pytest.importorskip("numpy")
    safetensors = pytest.importorskip("safetensors.numpy")
    tokenizers = pytest.importorskip("tokenizers")
    folder.mkdir()
    module = {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.StaticEmbedding"}
    (folder / "modules.json").write_text(json.dumps([module]))
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel({"?": 0, "(": 1, "Close": 2}, unk_token="?"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    made.save(str(folder / "tokenizer.json"))
    safetensors.save_file({"embedding.weight": np.eye(3, dtype=np.float32)}, folder / "model.safetensors")
    return str(folder)


@pytest.mark.parametrize("model", ["tfidf", "bm25", "directory"])
@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_local_passes(tmp_path: Path, model: str) -> None:
    model = static_model(tmp_path / "model") if model == "directory" else model
    report = await check_provider(
        Plugins.load().provider("local"),
        {
            "plain": Scenario(model=model, request=ASKED, usage=Usage()),
            "choices": Scenario(model=model, request=CHOICES, calls=(Call("closing", {}),)),
            "conversation": Scenario(model=model, request=CONVERSATION, expect=Rejected),
        },
    )
    assert report.passed, str(report)


@pytest.mark.parametrize("model", ["tfidf", "directory"])
async def test_local_passes_in_fresh_processes(tmp_path: Path, model: str) -> None:
    needs_it = model == "directory"
    report = await check_provider(
        Plugins.load().provider("local"),
        {
            "plain": Scenario(
                model=static_model(tmp_path / "model") if needs_it else model, request=ASKED, usage=Usage()
            )
        },
        module="latm_local",
        sdk="tokenizers" if needs_it else None,
    )
    assert report.passed, str(report)
    assert ("without tokenizers there is MissingDependency with a pip line" in str(report)) is needs_it
