"""``local:DIRECTORY`` on tiny models that are made here. How well a real one tells texts apart is not
tested."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

np = pytest.importorskip("numpy")
safetensors = pytest.importorskip("safetensors.numpy")
tokenizers = pytest.importorskip("tokenizers")

import latm_local  # noqa: E402 - the extra may be absent
from latm import ConfigError  # noqa: E402
from latm_local._sentences import SentenceModel  # noqa: E402

WORDS = (
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "sort",
    "the",
    "words",
    "close",
    "brackets",
    "pear",
    "fig",
    "kiwi",
)
HIDDEN, INNER, LAYERS, HEADS, POSITIONS = 8, 12, 2, 2, 16
CONFIG = {
    "model_type": "bert",
    "hidden_act": "gelu",
    "hidden_size": HIDDEN,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "layer_norm_eps": 1e-12,
    "max_position_embeddings": POSITIONS,
}
Pooling = dict[str, object]
MEAN: Pooling = {
    "pooling_mode_mean_tokens": True,
    "pooling_mode_cls_token": False,
    "word_embedding_dimension": 8,
}
CLS: Pooling = {
    "pooling_mode_mean_tokens": False,
    "pooling_mode_cls_token": True,
    "word_embedding_dimension": 8,
}


def tokenizer(path: Path) -> None:
    made = tokenizers.Tokenizer(
        tokenizers.models.WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token="[UNK]")
    )
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    made.post_processor = tokenizers.processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    made.save(str(path))


def weights(seed: int) -> dict[str, Any]:
    dice = np.random.default_rng(seed)

    def matrix(*shape: int) -> Any:
        return dice.normal(0, 0.5, shape).astype(np.float32)

    found = {
        "embeddings.word_embeddings.weight": matrix(len(WORDS), HIDDEN),
        "embeddings.position_embeddings.weight": matrix(POSITIONS, HIDDEN),
        "embeddings.token_type_embeddings.weight": matrix(2, HIDDEN),
    }
    shapes = {"embeddings.LayerNorm": (HIDDEN,)}
    for layer in range(LAYERS):
        name = f"encoder.layer.{layer}"
        shapes |= {f"{name}.attention.self.{part}": (HIDDEN, HIDDEN) for part in ("query", "key", "value")}
        shapes |= {
            f"{name}.attention.output.dense": (HIDDEN, HIDDEN),
            f"{name}.attention.output.LayerNorm": (HIDDEN,),
            f"{name}.intermediate.dense": (INNER, HIDDEN),
            f"{name}.output.dense": (HIDDEN, INNER),
            f"{name}.output.LayerNorm": (HIDDEN,),
        }
    for name, shape in shapes.items():
        found |= {f"{name}.weight": matrix(*shape), f"{name}.bias": matrix(shape[0])}
    return found


def modules(*kinds: tuple[str, str]) -> list[dict[str, object]]:
    return [
        {"idx": number, "name": str(number), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for number, (kind, path) in enumerate(kinds)
    ]


BERT = modules(("Transformer", ""), ("Pooling", "1_Pooling"), ("Normalize", "2_Normalize"))
Files = dict[str, object]


def write(folder: Path, files: Files, tensors: dict[str, Any], at: str = "") -> Path:
    (folder / at).mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(data))
    tokenizer(folder / at / "tokenizer.json")
    safetensors.save_file(tensors, folder / at / "model.safetensors")
    return folder


@pytest.fixture
def bert(tmp_path: Path) -> Callable[..., Path]:
    def make(pooling: Pooling = MEAN, seed: int = 1, **files: object) -> Path:
        named: Files = {"modules.json": BERT, "config.json": CONFIG, "1_Pooling/config.json": pooling}
        named |= {name.replace("__", "/") + ".json": data for name, data in files.items()}
        return write(tmp_path / "tiny", named, weights(seed))

    return make


def reference(tensors: dict[str, Any], ids: list[int]) -> list[list[float]]:
    """The same encoder once more, slowly, number by number."""
    values = {name: each.tolist() for name, each in tensors.items()}

    def linear(row: list[float], name: str) -> list[float]:
        pairs = zip(values[f"{name}.weight"], values[f"{name}.bias"], strict=True)
        return [sum(w * x for w, x in zip(line, row, strict=True)) + bias for line, bias in pairs]

    def norm(row: list[float], name: str) -> list[float]:
        mean = sum(row) / len(row)
        spread = math.sqrt(sum((x - mean) ** 2 for x in row) / len(row) + 1e-12)
        pairs = zip(row, values[f"{name}.weight"], values[f"{name}.bias"], strict=True)
        return [(x - mean) / spread * weight + bias for x, weight, bias in pairs]

    def add(*rows: list[float]) -> list[float]:
        return [sum(column) for column in zip(*rows, strict=True)]

    rows = [
        norm(
            add(
                values["embeddings.word_embeddings.weight"][token],
                values["embeddings.position_embeddings.weight"][place],
                values["embeddings.token_type_embeddings.weight"][0],
            ),
            "embeddings.LayerNorm",
        )
        for place, token in enumerate(ids)
    ]
    size = HIDDEN // HEADS
    for number in range(LAYERS):
        layer = f"encoder.layer.{number}"
        query, key, value = (
            [linear(row, f"{layer}.attention.self.{part}") for row in rows]
            for part in ("query", "key", "value")
        )
        heard: list[list[float]] = []
        for at in range(len(rows)):
            mixed: list[float] = []
            for head in range(HEADS):
                part = slice(head * size, (head + 1) * size)
                scores = [
                    sum(q * k for q, k in zip(query[at][part], other[part], strict=True)) / math.sqrt(size)
                    for other in key
                ]
                powers = [math.exp(score) for score in scores]
                mixed += [
                    sum(power * each[part][column] for power, each in zip(powers, value, strict=True))
                    / sum(powers)
                    for column in range(size)
                ]
            heard.append(linear(mixed, f"{layer}.attention.output.dense"))
        rows = [
            norm(add(row, said), f"{layer}.attention.output.LayerNorm")
            for row, said in zip(rows, heard, strict=True)
        ]
        inner = [
            [x * (1 + math.erf(x / math.sqrt(2))) / 2 for x in linear(row, f"{layer}.intermediate.dense")]
            for row in rows
        ]
        rows = [
            norm(add(row, linear(each, f"{layer}.output.dense")), f"{layer}.output.LayerNorm")
            for row, each in zip(rows, inner, strict=True)
        ]
    return rows


@pytest.mark.parametrize(
    ("pooling", "first"), [(MEAN, False), (CLS, True), ({"pooling_mode": "mean"}, False)]
)
def test_a_vector_is_what_the_formulas_say(
    bert: Callable[..., Path], pooling: Pooling, *, first: bool
) -> None:
    model = SentenceModel.load(bert(pooling, seed=7))
    ids = [2, *(WORDS.index(word) for word in ("sort", "the", "pear")), 1, 3]
    rows = reference(weights(7), ids)
    pooled = rows[0] if first else [sum(column) / len(rows) for column in zip(*rows, strict=True)]
    length = math.sqrt(sum(x * x for x in pooled))
    assert model.vector("sort the pear xyz").tolist() == pytest.approx([x / length for x in pooled], abs=1e-5)


def test_what_is_too_long_is_cut(bert: Callable[..., Path]) -> None:
    model = SentenceModel.load(bert(sentence_bert_config={"max_seq_length": 6, "do_lower_case": True}))
    assert model.likeness("sort the words pear", ["SORT the words pear fig kiwi " * 50]) == pytest.approx(
        [1.0]
    )


def test_without_a_bound_of_its_own_the_positions_bound_it(bert: Callable[..., Path]) -> None:
    assert SentenceModel.load(bert()).vector("pear " * 1_000) is not None


def test_likeness_is_a_cosine_and_any_text_can_be_asked(bert: Callable[..., Path]) -> None:
    model = SentenceModel.load(bert())
    texts = ["sort the words", "close brackets", "", "\ud800", "\x00 \U0001f600", "word " * 10_000]
    scores = model.likeness("sort the words", texts)
    assert scores[0] == pytest.approx(1.0)
    assert all(-1.0001 <= score <= 1.0001 for score in scores)


@pytest.mark.parametrize("table", ["embedding.weight", "embeddings"])
@pytest.mark.parametrize("at", ["", "0_StaticEmbedding"])
def test_static_embeddings_are_the_mean_of_a_table(tmp_path: Path, table: str, at: str) -> None:
    rows = np.asarray([[float(random.Random(n).random()), 1.0, n] for n in range(len(WORDS))], np.float32)
    files: Files = {"modules.json": modules(("StaticEmbedding", at), ("Normalize", "1_Normalize"))}
    model = SentenceModel.load(write(tmp_path / "static", files, {table: rows}, at))
    expected = (rows[WORDS.index("pear")] + rows[WORDS.index("fig")]) / 2
    assert model.vector("pear fig").tolist() == pytest.approx((expected / np.linalg.norm(expected)).tolist())
    assert model.likeness("pear", ["", "pear"]) == [0.0, pytest.approx(1.0)]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"modules": []}, r"modules\.json: must be a list"),
        ({"modules": {"a": 1}}, r"modules\.json: must be a list"),
        (
            {"modules": modules(("Transformer", ""), ("Pooling", "1_Pooling"), ("Dense", "2"))},
            "Dense cannot run",
        ),
        ({"modules": modules(("Transformer", ""))}, "Transformer cannot run"),
        ({"config": {**CONFIG, "model_type": "mpnet"}}, "model_type is 'mpnet'"),
        ({"config": {**CONFIG, "hidden_act": "relu"}}, "hidden_act is 'relu'"),
        ({"config": {**CONFIG, "position_embedding_type": "relative_key"}}, "position_embedding_type"),
        ({"config": {**CONFIG, "num_hidden_layers": 3}}, r"model\.safetensors: has no encoder\.layer\.2\."),
        ({"config": {**CONFIG, "num_attention_heads": "two"}}, r"config\.json: cannot be used"),
        ({"config": []}, r"config\.json: must be a JSON object"),
        ({"1_Pooling__config": {"pooling_mode_max_tokens": True}}, "pools by pooling_mode_max_tokens"),
        ({"1_Pooling__config": {"pooling_mode": "lasttoken"}}, "pools by lasttoken"),
        ({"1_Pooling__config": {}}, "pools by nothing"),
        ({"config_sentence_transformers": {"default_prompt_name": "query"}}, "default_prompt_name"),
    ],
)
def test_what_cannot_run_is_refused_by_name(
    bert: Callable[..., Path], files: dict[str, object], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        SentenceModel.load(bert(**files))


@pytest.mark.parametrize(
    "file", ["modules.json", "config.json", "tokenizer.json", "model.safetensors", "1_Pooling/config.json"]
)
@pytest.mark.parametrize("content", [None, b"", b"{", b"\xff\xfe"])
def test_a_file_that_is_missing_or_broken_is_named(
    bert: Callable[..., Path], file: str, content: bytes | None
) -> None:
    folder = bert()
    if content is None:
        (folder / file).unlink()
    else:
        (folder / file).write_bytes(content)
    with pytest.raises(ConfigError, match=file.replace(".", r"\.")):
        latm_local._create(str(folder), {})


def test_a_table_with_others_beside_it_is_refused(tmp_path: Path) -> None:
    rows = np.zeros((len(WORDS), 2), np.float32)
    files: Files = {"modules.json": modules(("StaticEmbedding", ""))}
    folder = write(tmp_path / "static", files, {"embeddings": rows, "mapping": rows})
    with pytest.raises(ConfigError, match="embeddings, mapping"):
        SentenceModel.load(folder)
