"""What a user writes down of a tuning: complaints.toml and the frozen record that it becomes."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

from latm._records import slug
from latm._tables import at_least, record, table
from latm.errors import ConfigError, nearest
from latm.tuner._samples import Sample

_FEWEST_LABELS = 2
_LONGEST_LABEL = 100  # characters
_OWN_KEYS = ("name", "labels", "examples", "attributes", "roles", "training")

ATTRIBUTES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "persona": ("a retired teacher", "a student", "a small business owner", "a nurse on night shifts",
                    "a parent of three", "a recent immigrant", "an accountant", "a lorry driver"),
        "tone": ("angry", "polite", "worried", "matter-of-fact", "sarcastic", "resigned"),
        "channel": ("an e-mail", "a web form", "a chat message", "a letter"),
        "length": ("two sentences", "a short paragraph", "two paragraphs"),
    }
)  # fmt: skip
"""What the writer of samples is told to vary, where a file does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TuningRoles:
    """Who writes, and who is tuned.

    Attributes:
        maker: the model that writes the samples, ``provider:model``; None for that of the configuration.
        base: the model that is tuned, and that the tuned one is compared with; the tuner's own where None.
    """

    maker: str | None = None
    base: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plain:
    about: str
    question: str
    samples: int = 60
    held_out: int = 0
    batch: int = 5
    language: str = "English"
    words: tuple[int, int] = (10, 150)
    seed: int = 0
    data: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TuningSpec:
    """A tuning, as its user describes it.

    Attributes:
        name: a slug; names its data, its models and its comparisons.
        about: what a text is: ``a customer's complaint to a bank``.
        question: what the label says of it: ``Which product is the complaint about?``.
        labels: each label with its description; at least two, in the order of the file.
        examples: a few real samples to write others like; they may stay none.
        samples: texts to write for training, in all; spread evenly over the labels.
        held_out: texts to write apart from those, never trained on, as a synthetic validation set.
        batch: texts asked for at a time.
        language: of the texts, in English: ``German``.
        words: fewest and most words of a text.
        seed: of all that is drawn.
        attributes: what is varied, each with its values.
        roles: who writes and who is tuned.
        tuner: the tuner's name.
        training: the tuner's own settings.
        data: the directory of its files; ``data/NAME`` beside the file if empty.
        path: the file; None where it was made in Python.
    """

    name: str
    about: str
    question: str
    labels: Mapping[str, str]
    examples: tuple[Sample, ...] = ()
    samples: int = 60
    held_out: int = 0
    batch: int = 5
    language: str = "English"
    words: tuple[int, int] = (10, 150)
    seed: int = 0
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: ATTRIBUTES)
    roles: TuningRoles = TuningRoles()
    tuner: str = "local"
    training: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    data: str = ""
    path: Path | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be asked for."""
        if slug(self.name) != self.name:
            raise ConfigError(f"must be written {slug(self.name)!r}", where="name")
        for key in ("about", "question", "language"):
            if not getattr(self, key).strip():
                raise ConfigError("is empty", where=key)
        _check_labels(self.labels)
        at_least(len(self.labels), samples=self.samples)
        at_least(0, held_out=self.held_out, seed=self.seed)
        at_least(1, batch=self.batch)
        fewest, most = self.words
        if not 1 <= fewest <= most:
            raise ConfigError("must be the fewest and the most words, such as [10, 150]", where="words")
        for name, values in self.attributes.items():
            if not values or any(not each.strip() for each in values):
                raise ConfigError("must be a list of texts, none of them empty", where=f"attributes.{name}")
        for number, each in enumerate(self.examples, start=1):
            if each.label not in self.labels:
                raise ConfigError(
                    f"no such label: {each.label!r}.{nearest(each.label, self.labels)}",
                    where=f"examples[{number}]",
                )

    @classmethod
    def load(cls, path: str | Path) -> TuningSpec:
        """Read a file.

        Raises:
            ConfigError: it cannot be read, is no TOML, or holds an unknown key or a wrong value; says where.
        """
        import tomllib

        path = Path(path)
        try:
            tree = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise ConfigError(f"no such file; latm tune new {path} writes one", where=str(path)) from None
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"cannot be read: {error}", where=str(path)) from None
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"is no TOML: {error}", where=str(path)) from None
        try:
            return cls.from_mapping({"name": slug(path.stem), **tree}, path=path)
        except ConfigError as error:
            raise ConfigError(str(error), where=str(path)) from None

    @classmethod
    def from_mapping(cls, tree: Mapping[str, object], *, path: Path | None = None) -> TuningSpec:
        """Build a spec from the tree of its file.

        Raises:
            ConfigError: a key is unknown or absent, or a value is wrong; says where.
        """
        plain_keys = [item.name for item in dataclasses.fields(_Plain)]
        for key in tree:
            if key not in (*plain_keys, *_OWN_KEYS):
                raise ConfigError(f"unknown key {key!r}.{nearest(key, (*plain_keys, *_OWN_KEYS))}")
        for key in ("name", "about", "question", "labels"):
            if key not in tree:
                raise ConfigError("is missing", where=key)
        plain = _plain({key: value for key, value in tree.items() if key in plain_keys})
        training = dict(table(tree.get("training", {}), "training"))
        tuner = training.pop("tuner", "local")
        labels = table(tree["labels"], "labels")
        for label, text in labels.items():
            if not isinstance(text, str):
                raise ConfigError("must be text: what the label stands for", where=f"labels.{label!r}")
        if not isinstance(tuner, str) or not isinstance(tree["name"], str):
            raise ConfigError("must be text", where="name" if isinstance(tuner, str) else "training.tuner")
        return cls(
            name=slug(tree["name"]),
            labels=MappingProxyType(cast("dict[str, str]", dict(labels))),
            examples=_examples(tree.get("examples", [])),
            attributes=_attributes(tree.get("attributes")),
            roles=record(TuningRoles, tree.get("roles", {}), "roles"),
            tuner=tuner,
            training=MappingProxyType(training),
            path=path,
            **{item.name: getattr(plain, item.name) for item in dataclasses.fields(plain)},
        )

    @property
    def directory(self) -> Path:
        """Where its files are."""
        beside = Path() if self.path is None else self.path.parent
        return beside / (self.data or f"data/{self.name}")

    @property
    def train_file(self) -> Path:
        """The samples to train on."""
        return self.directory / "train.jsonl"

    @property
    def held_out_file(self) -> Path:
        """The synthetic samples that are never trained on."""
        return self.directory / "held-out.jsonl"

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all that decides on what the writer of samples is asked."""
        tree: dict[str, object] = {
            "about": self.about,
            "question": self.question,
            "labels": list(self.labels.items()),
            "examples": [(each.text, each.label) for each in self.examples],
            "counts": (self.samples, self.held_out, self.batch, self.seed),
            "language": self.language,
            "words": self.words,
            "attributes": [(name, list(values)) for name, values in self.attributes.items()],
            "name": self.name,
        }
        return hashlib.sha256(json.dumps(tree, sort_keys=True).encode("ascii")).hexdigest()

    def chosen(
        self,
        *,
        maker: str | None = None,
        base: str | None = None,
        tuner: str | None = None,
        samples: int | None = None,
    ) -> TuningSpec:
        """The same with what a caller chose instead; None leaves what the file says.

        Settings and base of the file are those of its own tuner: with another one they do not hold.

        Raises:
            ConfigError: a value is wrong.
        """
        other = tuner is not None and tuner != self.tuner
        kept = None if other else self.roles.base
        return dataclasses.replace(
            self,
            samples=self.samples if samples is None else samples,
            tuner=self.tuner if tuner is None else tuner,
            training=MappingProxyType({}) if other else self.training,
            roles=TuningRoles(maker=maker or self.roles.maker, base=base or kept),
        )

    def replace(self, **changes: object) -> TuningSpec:
        """The same with other values of its attributes.

        Raises:
            ConfigError: a value is wrong.
        """
        return dataclasses.replace(self, **cast("dict[str, Any]", changes))


def _plain(given: Mapping[str, object]) -> _Plain:
    try:
        return record(_Plain, given, "tuning")
    except ConfigError as error:
        raise ConfigError(str(error).removeprefix("tuning.").removeprefix("tuning: ")) from None


def _check_labels(labels: Mapping[str, str]) -> None:
    if len(labels) < _FEWEST_LABELS:
        raise ConfigError(f"{len(labels)} of them: at least two are needed to tell apart", where="labels")
    seen: dict[str, str] = {}
    for label, text in labels.items():
        where = f"labels.{label!r}"
        if not label.strip() or label != " ".join(label.split()) or len(label) > _LONGEST_LABEL:
            raise ConfigError(
                f"a label is a line of at most {_LONGEST_LABEL} characters without spaces at its ends",
                where=where,
            )
        if not text.strip():
            raise ConfigError("has no description: say what belongs to it", where=where)
        if (other := seen.setdefault(label.casefold(), label)) != label:
            raise ConfigError(f"differs from {other!r} in case alone", where=where)


def _examples(value: object) -> tuple[Sample, ...]:
    if not isinstance(value, list):
        raise ConfigError("must be a list of tables: [[examples]]", where="examples")
    found: list[Sample] = []
    for number, each in enumerate(cast("list[object]", value), start=1):
        where = f"examples[{number}]"
        fields = table(each, where)
        if set(fields) != {"text", "label"} or not all(
            isinstance(item, str) and item.strip() for item in fields.values()
        ):
            raise ConfigError("must have the texts text and label, and nothing else", where=where)
        found.append(Sample(str(fields["text"]), str(fields["label"]), id=f"example {number}"))
    return tuple(found)


def _attributes(value: object) -> Mapping[str, tuple[str, ...]]:
    if value is None:
        return ATTRIBUTES
    found: dict[str, tuple[str, ...]] = {}
    for name, values in table(value, "attributes").items():
        items = cast("list[object]", values) if isinstance(values, list) else [None]
        if not all(isinstance(each, str) for each in items):
            raise ConfigError("must be a list of texts", where=f"attributes.{name}")
        found[name] = tuple(str(each) for each in items)
    return MappingProxyType(found)
