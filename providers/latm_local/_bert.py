"""The encoder of BERT (Devlin et al. 2018, arXiv 1810.04805), forward only, for one text at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, final

import numpy as np
import numpy.typing as npt

Array: TypeAlias = "npt.NDArray[np.float32]"

# Abramowitz & Stegun 1964, 7.1.26: the error function within 1.5e-7, which NumPy does not have.
_ERF = (0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429)
_ERF_P = 0.3275911


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Bert:
    """An encoder.

    Attributes:
        weights: by their names in transformers' files, without the prefix ``bert.``.
        layers: how many.
        heads: of attention, in each layer.
        epsilon: of the layer norms.
    """

    weights: Mapping[str, Array]
    layers: int
    heads: int
    epsilon: float

    def needed(self) -> Iterator[str]:
        """The names of all weights that it uses."""
        for name in ("word_embeddings", "position_embeddings", "token_type_embeddings"):
            yield f"embeddings.{name}.weight"
        pairs = ["embeddings.LayerNorm"]
        for layer in range(self.layers):
            pairs += [f"encoder.layer.{layer}.attention.self.{part}" for part in ("query", "key", "value")]
            pairs += [f"encoder.layer.{layer}.attention.output.{part}" for part in ("dense", "LayerNorm")]
            pairs += [f"encoder.layer.{layer}.{part}" for part in ("intermediate.dense", "output.dense")]
            pairs.append(f"encoder.layer.{layer}.output.LayerNorm")
        for name in pairs:
            yield from (f"{name}.weight", f"{name}.bias")

    def hidden(self, ids: Sequence[int]) -> Array:
        """The last hidden states, a row for each token."""
        rows = self.weights["embeddings.word_embeddings.weight"][list(ids)]
        rows = rows + self.weights["embeddings.position_embeddings.weight"][: len(ids)]
        rows = rows + self.weights["embeddings.token_type_embeddings.weight"][0]
        rows = self._norm(rows, "embeddings.LayerNorm")
        for number in range(self.layers):
            layer = f"encoder.layer.{number}"
            heard = self._attention(rows, f"{layer}.attention.self")
            heard = self._linear(heard, f"{layer}.attention.output.dense")
            rows = self._norm(rows + heard, f"{layer}.attention.output.LayerNorm")
            inner = _gelu(self._linear(rows, f"{layer}.intermediate.dense"))
            outer = self._linear(inner, f"{layer}.output.dense")
            rows = self._norm(rows + outer, f"{layer}.output.LayerNorm")
        return rows

    def _attention(self, rows: Array, name: str) -> Array:
        query, key, value = (
            self._linear(rows, f"{name}.{part}").reshape(len(rows), self.heads, -1).swapaxes(0, 1)
            for part in ("query", "key", "value")
        )
        scores = query @ key.swapaxes(1, 2) / np.float32(math.sqrt(query.shape[-1]))
        powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
        mixed = powers / powers.sum(axis=-1, keepdims=True) @ value
        return np.asarray(mixed.swapaxes(0, 1).reshape(len(rows), -1), np.float32)

    def _linear(self, rows: Array, name: str) -> Array:
        return rows @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"]

    def _norm(self, rows: Array, name: str) -> Array:
        centred = rows - rows.mean(axis=-1, keepdims=True)
        variance = (centred * centred).mean(axis=-1, keepdims=True)
        scaled = centred / np.sqrt(variance + np.float32(self.epsilon))
        return np.asarray(scaled * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"], np.float32)


def _gelu(rows: Array) -> Array:
    """The exact form: x times the share of the normal distribution below x."""
    scaled = np.abs(rows) / np.float32(math.sqrt(2))
    step = 1 / (1 + np.float32(_ERF_P) * scaled)
    series = np.float32(0) * scaled
    for factor in reversed(_ERF):
        series = (series + np.float32(factor)) * step
    error = np.sign(rows) * (1 - series * np.exp(-scaled * scaled))
    return np.asarray(rows * (1 + error) / 2, np.float32)
