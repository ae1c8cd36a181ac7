"""The page of a review: whole, escaped, and without a request."""

from __future__ import annotations

import re
import sys

import pytest

from latm import MissingDependency
from latm.tuner import Sample, TuningSpec
from latm.tuner.review import page, review

SPEC = TuningSpec(
    name="mails",
    about="a <b>mail</b>",
    question="Which?",
    labels={"credit card": "C.", "<i>other</i>": "O."},
    words=(1, 40),
)
SAMPLES = (
    Sample("the credit cards of my aunt <script>alert(1)</script>", "credit card", id='"><img src=x>'),
    Sample("nobody called [Your Name] back since last week", "<i>other</i>", id="gap"),
    Sample("a plain word on the branch in town", "<i>other</i>"),
)


def shown() -> str:
    return page(SPEC, SAMPLES, review(SPEC, SAMPLES))


def test_texts_labels_and_ids_are_escaped():
    html = shown()

    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert html.count("<script>") == 1
    for raw in ("<img", "<i>", "<b>"):
        assert raw not in html


def test_what_was_found_is_marked():
    marks = re.findall("<mark>(.*?)</mark>", shown())

    assert {"credit cards", "[Your Name]"} <= set(marks)


def test_every_sample_is_in_the_table_with_its_findings():
    html = shown()

    assert html.count("<tr data-label=") == 3
    assert 'data-checks="placeholder" data-drop' in html
    assert "sample #3" in html


def test_nothing_is_fetched():
    html = shown()

    assert "default-src 'none'" in html
    assert (
        re.findall(r"(?:src|href|action)=\"(?!#|data:)[^\"]*\"|url\(|https?://|@import|fetch\(", html) == []
    )


def test_a_page_needs_jinja2(monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(MissingDependency, match=r"latm\[report\]"):
        shown()


def test_no_samples_make_a_page_too():
    assert "Training may not go on: 2 errors are in the way." in page(SPEC, (), review(SPEC, ()))
