"""What is known of a trained classifier without its weights, and where it is kept."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import msgspec

from latm.errors import nearest
from latm.plugin import ConfigError

FORMAT = 1
ABOUT, WEIGHTS = "model.json", "model.skops"
_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_LARGEST = 16 * 1024 * 1024  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What is kept of a model beside its weights.

    Attributes:
        format: of the directory.
        name: of the tuning.
        run: of the job.
        labels: with their descriptions, in their order.
        template: digest of the template that it was trained with, and answers to.
        data: SHA-256 of the training data.
        samples: how many there were.
        weight: of the guess by the descriptions, see `latm_local._learning.Classifier`.
        temperature: see there.
        abstain_below: the confidence below which a text gets no label.
        choose_above: the confidence from which on it chooses among what is offered.
        embeddings: the directory of the sentence model; empty for TF-IDF.
        embeddings_sha256: of its weights and its tokenizer.
        left_out: the share of left-out samples that got their label; None where none were left out.
        seed: of the training.
        versions: of the libraries that it was trained with.
        created: when, ISO 8601.
        weights_sha256: of the file of weights.
        probes: what it says of the descriptions of its labels: of each the probabilities.
    """

    format: int
    name: str
    run: str
    labels: tuple[tuple[str, str], ...]
    template: str
    data: str
    samples: int
    weight: float
    temperature: float
    abstain_below: float
    choose_above: float
    embeddings: str
    embeddings_sha256: str
    left_out: float | None
    seed: int
    versions: Mapping[str, str]
    created: str
    weights_sha256: str = ""
    probes: tuple[tuple[float, ...], ...] = ()


def names(folder: Path) -> tuple[str, ...]:
    """The models of a directory, sorted."""
    try:
        found = sorted(each.name for each in folder.iterdir() if _NAME.fullmatch(each.name))
    except OSError:
        return ()
    return tuple(name for name in found if (folder / name / ABOUT).is_file())


def place(folder: Path, name: str) -> Path:
    """Where a model is, or would be.

    Raises:
        ConfigError: the name is none: it could lead elsewhere.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"{name!r} is no name of a model: it would have a-z, 0-9 and single hyphens, and nothing else",
            where=f"local:tuned/{name}",
        )
    return folder / name


def read_about(folder: Path, name: str) -> About:
    """What is kept of a model.

    Raises:
        ConfigError: there is none of this name, or it is damaged, or of another format.
    """
    path = place(folder, name) / ABOUT
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST)
    except FileNotFoundError:
        raise ConfigError(
            f"no such model in the directory {folder}.{nearest(name, names(folder))} "
            "The tuner local makes them",
            where=f"local:tuned/{name}",
        ) from None
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", where=str(path)) from None
    try:
        tree: object = json.loads(data)
        version = cast("dict[str, object]", tree).get("format") if isinstance(tree, dict) else None
        if version != FORMAT:
            raise ConfigError(
                f"has format {version!r}, and this version of latm reads {FORMAT}: train the model again",
                where=str(path),
            )
        return msgspec.convert(tree, About)
    except (ValueError, RecursionError) as error:
        raise damaged(path, error) from None


def damaged(path: Path, problem: object) -> ConfigError:
    """The error for a file that cannot be what we wrote."""
    return ConfigError(f"is damaged: {problem}; train the model again", where=str(path))
