"""Trained classifiers as directories: ``model.json`` says what each is, ``model.skops`` holds its weights.

A directory is written under another name and then renamed: it is whole or not there. One that was read is
asked about the descriptions of its own labels before it serves: what it says then has to be what it said when
it was trained, whatever the versions of the libraries are.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import hashlib
import os
import shutil
import tempfile
import time
from pathlib import Path

import msgspec

from latm.plugin import ConfigError
from latm_local import _scikit
from latm_local._about import ABOUT, WEIGHTS, About, place, read_about
from latm_local._learning import Classifier
from latm_local._sentences import SentenceModel
from latm_local._settings import folder_of
from latm_local._weights import read_weights, write_weights
from latm_local._zero_shot import ZeroShot

_STALE_S = 3_600.0
_TOLERANCE = 1e-3  # of a probability: other processors and libraries round otherwise


def write(folder: Path, name: str, classifier: Classifier, about: About) -> None:
    """Write a model; one that is there already stays as it is.

    Raises:
        ConfigError: it cannot be written.
    """
    target = place(folder, name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _sweep(folder, name)
        fresh = Path(tempfile.mkdtemp(dir=folder, prefix=f".{name}."))
        try:
            digest = write_weights(fresh / WEIGHTS, classifier.model)
            whole = dataclasses.replace(about, weights_sha256=digest, probes=_probes(classifier))
            (fresh / ABOUT).write_bytes(msgspec.json.format(msgspec.json.encode(whole)) + b"\n")
            for path in (fresh / WEIGHTS, fresh / ABOUT):
                _settle(path)
            fresh.chmod(0o755)
            fresh.rename(target)
            _settle(folder)
        except OSError as error:
            if error.errno not in {errno.EEXIST, errno.ENOTEMPTY}:
                raise
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    except OSError as error:
        raise ConfigError(f"cannot be written: {error.strerror}", where=str(target)) from None


def read(folder: Path, name: str) -> tuple[Classifier, About]:
    """Read a model, ready to work.

    Raises:
        ConfigError: see `read_about`; or its weights are damaged or hold what is not ours, its sentence model
            is gone or another one, or it does not say what it said when it was trained.
    """
    about = read_about(folder, name)
    sentences = _sentences(about, f"local:tuned/{name}")
    path = place(folder, name) / WEIGHTS
    classifier = Classifier(
        model=read_weights(path, about.weights_sha256),
        zero_shot=ZeroShot(dict(about.labels), sentences),
        sentences=sentences,
        weight=about.weight,
        temperature=about.temperature,
    )
    _check(classifier, about, path)
    return classifier, about


def remove(folder: Path, name: str) -> None:
    """Delete a model; no error where it is gone. To others it is gone at once.

    Raises:
        ConfigError: it cannot be deleted.
    """
    target = place(folder, name)
    if not target.exists():
        return
    try:
        aside = Path(tempfile.mkdtemp(dir=folder, prefix=f".{name}."))
        try:
            target.rename(aside)
        finally:
            shutil.rmtree(aside)
    except OSError as error:
        if error.errno != errno.ENOENT:
            raise ConfigError(f"cannot be deleted: {error.strerror}", where=str(target)) from None


def embeddings_sha256(folder: Path) -> str:
    """SHA-256 of the weights and the tokenizer of a sentence model, wherever its modules put them."""
    state = hashlib.sha256()
    for path in sorted([*folder.rglob("*.safetensors"), *folder.rglob("tokenizer.json")]):
        with path.open("rb") as file:
            inner = hashlib.file_digest(file, "sha256").hexdigest()
        state.update(f"{path.relative_to(folder).as_posix()}\0{inner}\0".encode("utf-8", "surrogateescape"))
    return state.hexdigest()


def _sentences(about: About, where: str) -> SentenceModel | None:
    if not about.embeddings:
        return None
    folder = folder_of(about.embeddings)
    if not folder.is_dir():
        raise ConfigError(
            f"was trained with the sentence model in {about.embeddings}, which is no directory here",
            where=where,
        )
    if embeddings_sha256(folder) != about.embeddings_sha256:
        raise ConfigError(
            f"was trained with another sentence model than the one that is in {about.embeddings} now: put "
            "that one back, or train again",
            where=where,
        )
    return SentenceModel.load(folder)


def _check(classifier: Classifier, about: About, path: Path) -> None:
    """Refuse a model that does not say what it said when it was trained."""
    try:
        said = _probes(classifier)
    except Exception as error:  # noqa: BLE001 - of another version it may fail in any way
        problem = f"it fails with {type(error).__name__}: {error}"
    else:
        pairs = list(zip(said, about.probes, strict=False))
        apart = max(
            (abs(one - other) for row, kept in pairs for one, other in zip(row, kept, strict=False)),
            default=0.0,
        )
        if list(map(len, said)) == list(map(len, about.probes)) and apart <= _TOLERANCE:
            return
        problem = f"it says something else than when it was trained: {apart:.3f} of probability apart"
    now = _scikit.versions()
    others = [f"{name} {have} (now {now.get(name)})" for name, have in about.versions.items()
              if have != now.get(name)]  # fmt: skip
    trained = f", trained with {', '.join(others)}" if others else ""
    raise ConfigError(
        f"cannot be used{trained}: {problem}. Train the model again"
        + (", or install those versions" if others else ""),
        where=str(path),
    )


def _probes(classifier: Classifier) -> tuple[tuple[float, ...], ...]:
    texts = classifier.zero_shot.descriptions
    return tuple(tuple(classifier.probabilities(text)) for text in texts)


def _sweep(folder: Path, name: str) -> None:
    """Remove what killed processes left of this model."""
    for path in folder.glob(f".{name}.*"):
        with contextlib.suppress(FileNotFoundError):  # another process is at it, too
            if time.time() - path.stat().st_mtime > _STALE_S:
                shutil.rmtree(path, ignore_errors=True)


def _settle(path: Path) -> None:
    """See to it that a file, or the names in a directory, outlast a crash of the machine."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
