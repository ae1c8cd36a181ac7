"""The weights of a classifier as a file of skops, read without running anything that came with it.

skops makes what the file names, if it trusts the name, and it trusts far more than our models consist of. So
the file's own list of parts is read first, and only what we write ourselves is taken.
"""

from __future__ import annotations

import hashlib
import json
import warnings
import zipfile
from pathlib import Path
from typing import Any, cast

from latm.plugin import ConfigError
from latm_local import _scikit
from latm_local._about import damaged

_LARGEST = 1024 * 1024 * 1024  # bytes, unpacked: no zip bomb
_PARTS = frozenset({
    ("builtins.dict", "DictNode"),
    ("builtins.list", "ListNode"),
    ("builtins.str", "JsonNode"),  # of all plain values, whatever their type
    ("builtins.str", "TypeNode"),
    ("builtins.tuple", "TupleNode"),
    ("numpy.float64", "TypeNode"),
    ("numpy.ndarray", "NdArrayNode"),
    ("sklearn.feature_extraction.text.HashingVectorizer", "ObjectNode"),
    ("sklearn.feature_extraction.text.TfidfTransformer", "ObjectNode"),
    ("sklearn.feature_selection._variance_threshold.VarianceThreshold", "ObjectNode"),
    ("sklearn.linear_model._logistic.LogisticRegression", "ObjectNode"),
    ("sklearn.pipeline.FeatureUnion", "ObjectNode"),
    ("sklearn.pipeline.Pipeline", "ObjectNode"),
})  # fmt: skip
"""What a model may consist of: types, and how skops makes them."""


def write_weights(path: Path, model: _scikit.Model) -> str:
    """Write them; returns the SHA-256 of the file."""
    _scikit.skops_io.dump(model, path)
    return _sha256(path)


def read_weights(path: Path, sha256: str) -> _scikit.Model:
    """Read them.

    Raises:
        ConfigError: the file is damaged, is not the one of this SHA-256, or holds what is not ours.
    """
    try:
        found = _sha256(path)
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", where=str(path)) from None
    if found != sha256:
        raise damaged(path, "it is not the file that was written")
    try:
        _check_parts(path)
        with warnings.catch_warnings():
            # Whether another version says the same is found out by asking it, see `latm_local._files`.
            warnings.simplefilter("ignore")
            return _scikit.skops_io.load(path, trusted=[])
    except ConfigError:
        raise
    except Exception as error:  # noqa: BLE001 - a file may be wrong in any way
        raise damaged(path, f"{type(error).__name__}: {error}") from None


def _check_parts(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        if sum(each.file_size for each in archive.infolist()) > _LARGEST:
            raise ConfigError(f"would take more than {_LARGEST:,} bytes of memory", where=str(path))
        tree: object = json.loads(archive.read("schema.json"))
    waiting = [tree]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting += cast("list[object]", part)
        if not isinstance(part, dict):
            continue
        fields = cast("dict[str, Any]", part)
        waiting += fields.values()
        if fields.keys().isdisjoint({"__class__", "__module__", "__loader__"}):
            continue
        name = f"{fields.get('__module__')}.{fields.get('__class__')}"
        if (name, fields.get("__loader__")) not in _PARTS:
            raise ConfigError(
                f"holds {name} ({fields.get('__loader__')}), which no model of ours has: it is not loaded. "
                "Train the model again, and ask where this file came from",
                where=str(path),
            )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
