"""The page that shows a review."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from latm.pages import render
from latm.tuner._samples import Sample
from latm.tuner._spec import TuningSpec
from latm.tuner.reviewing._findings import SEVERITIES, Finding

_SHOWN = 8
"""Texts that a finding shows; the table below has them all."""


def page_of(
    spec: TuningSpec,
    samples: Sequence[Sample],
    findings: Sequence[Finding],
    figures: Mapping[str, object],
    *,
    may_train: bool,
) -> str:
    """Fill in the page.

    Raises:
        MissingDependency: jinja2 is not installed.
    """
    of = {each.id: each for each in (*spec.examples, *samples)}
    drop = {id_ for each in findings for id_ in each.drop}
    checks: dict[str, dict[str, str]] = {}
    for each in findings:
        for id_ in each.samples:
            checks.setdefault(id_, {}).setdefault(each.check, each.severity)
    shown = [
        {
            "finding": each,
            "texts": [
                (of[id_], marked(of[id_].text, each.found), id_ in drop)
                for id_ in each.samples[:_SHOWN]
                if id_ in of
            ],
            "more": max(len(each.samples) - _SHOWN, 0),
        }
        for each in findings
    ]
    return render(
        "latm.tuner._pages",
        "review.html",
        spec=spec,
        figures=figures,
        may_train=may_train,
        counts={name: sum(each.severity == name for each in findings) for name in SEVERITIES},
        shown=shown,
        rows=[(each, checks.get(each.id, {}), each.id in drop) for each in samples],
        checks=sorted({check for those in checks.values() for check in those}),
    )


def marked(text: str, found: Sequence[str]) -> list[tuple[str, bool]]:
    """A text in pieces, each with whether it is to be marked.

    Args:
        text: the text.
        found: what to mark, in any case; whole words.
    """
    if not any(found):
        return [(text, False)]
    longest_first = sorted((each for each in found if each), key=len, reverse=True)
    pattern = "|".join(
        ("(?<!\\w)" if each[0].isalnum() else "")
        + re.escape(each)
        + ("(?!\\w)" if each[-1].isalnum() else "")
        for each in longest_first
    )
    pieces = re.split(f"({pattern})", text, flags=re.IGNORECASE)
    return [(piece, number % 2 == 1) for number, piece in enumerate(pieces) if piece]
