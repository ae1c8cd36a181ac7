"""The texts of docs/examples/complaints: what is trained on and what is measured with share no wording."""

from __future__ import annotations

import importlib.util
import itertools
import json
import re
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import anyio
import pytest

from latm import Ledger
from latm.plugin import Message, Rejected, Request
from latm.tuner import Sample, TuningSpec
from latm.tuner._samples import read_samples
from latm.tuner._texts import folded, names
from latm.tuner.synthesis import Part, synthesise
from unit.engine.desk import desk

EXAMPLE = Path(__file__).parents[3] / "docs/examples/complaints"
SPEC = TuningSpec.load(EXAMPLE / "complaints.toml")
VALIDATION = read_samples(EXAMPLE / "validation.jsonl", SPEC.labels)
SHARED = 4  # words in a row


def scripted_maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("scripted_maker", EXAMPLE / "scripted_maker.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    sys.modules[spec.name] = module  # its dataclass looks itself up there
    spec.loader.exec_module(module)
    return module


def backend() -> Any:
    (offer,) = scripted_maker().latm_providers()
    return offer.create("fragments", {})


async def written(place: Path, part: Part, of: TuningSpec = SPEC) -> tuple[Sample, ...]:
    """What the scripted maker writes, through the synthesis itself."""
    maker = backend()
    place.mkdir()  # noqa: ASYNC240
    at = desk(place, lambda request: _run(maker, request))
    try:
        made = await synthesise(of, role=await at.role(), bill=Ledger(), events=at.roles.events, part=part)
    finally:
        await at.close()
    assert not made.short
    assert not made.refused
    return made.samples


def _run(maker: Any, request: Request) -> Any:
    # It awaits nothing.
    with pytest.raises(StopIteration) as done:
        maker.complete(request).send(None)
    return done.value.value


def grams(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"[\w$']+", text.casefold().replace("\u2019", "'"))
    return set(zip(*(words[start:] for start in range(SHARED)), strict=False))


def sentences(text: str) -> set[str]:
    return {folded(each) for each in re.split(r"(?<=[.!?])\s+", text)}


def fragments() -> Iterator[str]:
    """Every fragment of the maker, with each of its choices."""
    tree = tomllib.loads((EXAMPLE / "fragments.toml").read_text(encoding="utf-8"))
    lists = [*tree["personas"].values(), *tree["channels"].values()]
    for kind in ("labels", "tones"):
        lists += [each for table in tree[kind].values() for each in table.values()]
    for text in itertools.chain.from_iterable(lists):
        parts = re.split(r"\{([^{}]*)\}", text)
        yield from (
            "".join(each)
            for each in itertools.product(
                *(part.split("|") if place % 2 else [part] for place, part in enumerate(parts))
            )
        )


def test_a_hundred_texts_are_measured_with_spread_as_in_the_published_set() -> None:
    assert Counter(each.label for each in VALIDATION).most_common(1) == [("credit records", 46)]
    assert len({folded(each.text) for each in VALIDATION}) == 100
    assert {each.label for each in VALIDATION} == set(SPEC.labels)


def test_no_text_names_a_label() -> None:
    told = [*(sample.text for sample in VALIDATION), *fragments()]
    assert not [each for each in told if any(names(each, label) for label in SPEC.labels)]


def test_no_fragment_shares_wording_with_what_is_measured_with() -> None:
    known = set[tuple[str, ...]]().union(*(grams(each.text) for each in VALIDATION))
    assert not [each for each in fragments() if grams(each) & known]


@pytest.mark.anyio
async def test_no_text_that_is_trained_on_shares_wording_with_what_is_measured_with(tmp_path: Path) -> None:
    known = set[tuple[str, ...]]().union(*(grams(each.text) for each in VALIDATION))
    said = set[str]().union(*(sentences(each.text) for each in VALIDATION))
    train = await written(tmp_path / "train", "train")
    held_out = await written(tmp_path / "held-out", "held-out")

    assert Counter(each.label for each in train) == dict.fromkeys(SPEC.labels, 50)
    assert len({folded(each.text) for each in [*train, *held_out]}) == 360
    for each in [*train, *held_out]:
        assert not grams(each.text) & known, each.text
        assert not sentences(each.text) & said, each.text
    assert await written(tmp_path / "again", "train") == train, "the same is asked, and answered alike"


def test_the_maker_refuses_what_it_cannot_write() -> None:
    with pytest.raises(Rejected, match="not of 'pets'"):
        anyio.run(backend().complete, Request(messages=(Message("user", f"answers {json.dumps('pets')}."),)))
