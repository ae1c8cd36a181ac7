"""Embeddings of texts by a directory of sentence-transformers, in NumPy.

sentence-transformers itself would bring PyTorch, of several hundred MB, for what is a dozen matrix products:
here a BERT runs in NumPy, with `tokenizers` and `safetensors` for the formats. Another kind of model is
refused by name, since it would run and mean nothing. Nothing is ever fetched.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, final

import numpy as np
from safetensors import numpy as safetensors
from tokenizers import Tokenizer

from latm.plugin import ConfigError
from latm_local._bert import Array, Bert
from latm_local._cores import one_core

_LONGEST = 512  # tokens, where the directory does not say
_TABLES = ("embedding.weight", "embeddings")  # of sentence-transformers and of model2vec
_POOLINGS = {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "cls"}


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SentenceModel:
    """A model that turns a text into a vector.

    Attributes:
        tokenizer: of the model; it cuts what is too long.
        tokens: gives the rows of a text's tokens.
        special: whether the model wants its special tokens around a text.
        first: whether the vector is the first token's; else it is the mean of all.
        lower: whether texts are put into lower case.
    """

    tokenizer: Tokenizer
    tokens: Callable[[Sequence[int]], Array]
    special: bool
    first: bool
    lower: bool

    @classmethod
    def load(cls, folder: Path) -> SentenceModel:
        """Read a directory.

        Raises:
            ConfigError: a file is missing or cannot be read, or the model is none that can run here; says
                which.
        """
        modules = _modules(folder)
        path, kinds = folder / modules[0][1], [kind for kind, _ in modules]
        tokenizer, weights = _tokenizer(path / "tokenizer.json"), _weights(path / "model.safetensors")
        if kinds in (["StaticEmbedding"], ["StaticEmbedding", "Normalize"]):
            table = _table(path / "model.safetensors", weights)
            tokenizer.no_truncation()
            return cls(
                tokenizer=tokenizer,
                tokens=lambda ids: table[list(ids)],
                special=False,
                first=False,
                lower=False,
            )
        if kinds not in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]):
            raise ConfigError(
                f"{' + '.join(kinds)} cannot run here, only Transformer + Pooling and StaticEmbedding, with "
                "or without Normalize",
                where=str(folder / "modules.json"),
            )
        config = _json(path / "config.json")
        bert = _bert(path, config, weights)
        settings = _json(path / "sentence_bert_config.json", needed=False)
        bounds = (config.get("max_position_embeddings"), settings.get("max_seq_length"))
        longest = min((int(each) for each in bounds if each), default=_LONGEST)
        cast("Any", tokenizer).enable_truncation(longest)  # its stub leaves the options untyped
        return cls(
            tokenizer=tokenizer,
            tokens=bert.hidden,
            special=True,
            first=_pooling(folder / modules[1][1] / "config.json") == "cls",
            lower=bool(settings.get("do_lower_case")),
        )

    def likeness(self, question: str, texts: Sequence[str]) -> list[float]:
        """The cosine of the vectors of question and text, between -1 and 1; 0 for a text without tokens."""
        asked = self.vector(question)
        vectors = [self.vector(text) for text in texts]
        return [0.0 if asked is None or each is None else float(each @ asked) for each in vectors]

    def vector(self, text: str) -> Array | None:
        """The vector of a text, of length 1; None where the text has no tokens, or the vector no length."""
        # What is no Unicode text the tokenizer would refuse: lone surrogates may stand in any question.
        clean = text.encode("utf-8", "replace").decode("utf-8")
        ids = self.tokenizer.encode(
            clean.lower() if self.lower else clean, add_special_tokens=self.special
        ).ids
        if not ids:
            return None
        with one_core():
            rows = self.tokens(ids)
        pooled: Array = rows[0] if self.first else rows.mean(axis=0)
        length = np.linalg.norm(pooled)
        return (pooled / length).astype(np.float32) if length > 0 else None


def _modules(folder: Path) -> list[tuple[str, str]]:
    """The kind of each module, such as ``Pooling``, and its folder within the directory."""
    path = folder / "modules.json"
    modules = _read(path)
    try:
        found = [(str(each["type"]).rpartition(".")[2], str(each["path"])) for each in modules]
    except (TypeError, KeyError):
        found = []
    if not found:
        raise ConfigError("must be a list of modules, each with type and path", where=str(path))
    prompts = _json(folder / "config_sentence_transformers.json", needed=False)
    if prompts.get("default_prompt_name"):
        raise ConfigError(
            "a default_prompt_name cannot be used here",
            where=str(folder / "config_sentence_transformers.json"),
        )
    return found


def _bert(folder: Path, config: Mapping[str, Any], weights: Mapping[str, Array]) -> Bert:
    wanted = {"model_type": "bert", "hidden_act": "gelu", "position_embedding_type": "absolute"}
    for key, value in wanted.items():
        if config.get(key, value) != value or (key == "model_type" and key not in config):
            raise ConfigError(
                f"{key} is {config.get(key)!r}; only {value!r} can run here",
                where=str(folder / "config.json"),
            )
    try:
        bert = Bert(
            weights=weights,
            layers=int(config["num_hidden_layers"]),
            heads=int(config["num_attention_heads"]),
            epsilon=float(config.get("layer_norm_eps", 1e-12)),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(f"cannot be used: {error!r}", where=str(folder / "config.json")) from None
    missing = [name for name in bert.needed() if name not in weights]
    if missing:
        raise ConfigError(f"has no {missing[0]}", where=str(folder / "model.safetensors"))
    return bert


def _pooling(path: Path) -> str:
    config = _json(path)
    chosen = [
        _POOLINGS.get(key, key) for key, value in config.items() if key.startswith("pooling_mode_") and value
    ]
    if isinstance(named := config.get("pooling_mode"), str):
        chosen.append(named)
    if len(chosen) != 1 or chosen[0] not in _POOLINGS.values():
        raise ConfigError(
            f"pools by {', '.join(chosen) or 'nothing'}; only mean or cls can be", where=str(path)
        )
    return chosen[0]


def _table(path: Path, weights: Mapping[str, Array]) -> Array:
    names = list(weights)
    if len(names) != 1 or names[0] not in _TABLES:
        raise ConfigError(f"holds {', '.join(names)}; one table can be used", where=str(path))
    return weights[names[0]]


def _tokenizer(path: Path) -> Tokenizer:
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # noqa: BLE001 - it raises plain Exceptions
        raise ConfigError(f"cannot be read: {error}", where=str(path)) from None
    tokenizer.no_padding()
    return tokenizer


def _weights(path: Path) -> dict[str, Array]:
    try:
        loaded = cast("Mapping[str, Array]", cast("Any", safetensors).load_file(path))
    except Exception as error:  # noqa: BLE001 - its own, OSError, TypeError for types that NumPy lacks
        raise ConfigError(f"cannot be read: {error}", where=str(path)) from None
    return {name.removeprefix("bert."): np.asarray(each, np.float32) for name, each in loaded.items()}


def _json(path: Path, *, needed: bool = True) -> Mapping[str, Any]:
    if not needed and not path.exists():
        return {}
    data = _read(path)
    if not isinstance(data, dict):
        raise ConfigError("must be a JSON object", where=str(path))
    return cast("Mapping[str, Any]", data)


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot be read: {error}", where=str(path)) from None
