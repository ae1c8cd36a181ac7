"""The page of a comparison: whole, escaped, without a request, and right about what it shows."""

from __future__ import annotations

import dataclasses
import functools
import re
import sys
from decimal import Decimal
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest

from latm import ConfigError, MissingDependency
from latm._figures import interval, percent, seconds, usd
from latm.pages import COLOURS
from latm.tuner import Sample, TuningSpec
from latm.tuner._page import SHADE, headline, matrix, turned, wrong
from latm.tuner._runs import TunedModel
from latm.tuner.comparison import Comparison, Said, curve_svg, majority, page
from latm.tuners import TuningStep
from unit.pages.contrasts import contrast, mixed
from unit.tuner.contest import SPEC, compared, contender, full, right_of, samples

EVIL = "</td><script>alert('x')</script><img src=//e.test onerror=1> \"& {{ 7*7 }} url(//e.test)"
VOID = {"meta", "input", "br", "img", "link", "hr"}


class Reader(HTMLParser):
    """Holds the tags of a page balanced, and collects its ids, references and visible words."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "script"):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def having(self, key: str) -> list[str]:
        return [value or "" for _, attrs in self.tags for name, value in attrs.items() if name == key]


def model(name: str = "fake:tuned-300", **changes: object) -> TunedModel:
    known: dict[str, object] = {
        "name": "complaints",
        "model": name,
        "tuner": "fake",
        "base": "fake:base",
        "run": "run-1",
        "data_digest": "0" * 64,
        "samples": 300,
        "template": "0" * 64,
        "labels": ("card", "loan"),
        "seconds": 61.5,
        "trained_tokens": 123_456,
        "cost_usd": Decimal("12.34"),
        "expires": "2027-03-01T00:00:00+00:00",
        "note": "served for a while",
        "steps": tuple(
            TuningStep(number=number, loss=3 / number, validation_loss=4 / number if number % 2 else None)
            for number in range(1, 9)
        ),
    }
    return TunedModel(**{**known, **changes})  # type: ignore[arg-type]


def hostile() -> Comparison:
    """Every text that comes from outside is an attack."""
    labels = {EVIL: "one", f"{EVIL} two": "two"}
    spec = TuningSpec(name="evil", about="a text", question="Which?", labels=labels)
    put = tuple(
        Sample(f"{EVIL} {number} \x00 \ud800", list(labels)[number % 2], id=f"{EVIL}{number}")
        for number in range(6)
    )
    found = compared(
        {f"{EVIL}.jsonl": put},
        contender("base", lambda *_: Said(EVIL, 0.7), model=EVIL),
        contender("tuned", lambda *_: f"{EVIL} and more", model=f"{EVIL}1", trained=2),
        contender("tuned", lambda sample, _: Said(sample.label, 0.9), model=f"{EVIL}2", trained=4),
        spec=spec,
    )
    return dataclasses.replace(found, tuning=EVIL)


@functools.cache
def whole() -> str:
    """The page of all that there is, drawn once."""
    return page(full(), trained=[model(), model("fake:other")])


def test_every_figure_of_the_scores_is_there() -> None:
    found = full()
    text = Reader(whole()).text

    for each in found.scores:
        figures = [
            percent(each.accuracy),
            interval(each.low, each.high),
            f"{each.right} of {each.n}",
            f"{each.macro_f1:.2f}",
            percent(each.readable),
            percent(each.coverage),
            usd(each.cost_each),
            usd(each.cost_usd),
            seconds(each.seconds_mean),
            f"median {seconds(each.seconds_p50)}",
            *(f"{n} unsure" for n in [each.unsure] if n),
            *(f"{n} unreadable" for n in [each.unreadable] if n),
            *(f"{n} no reply" for n in [each.errors] if n),
            *(f"{percent(share)} right" for share in [each.answered] if share is not None),
            *(f"(ECE) {error:.3f}" for error in [each.calibration_error] if error is not None),
            *(f"Brier {brier:.3f}" for brier in [each.brier] if brier is not None),
        ]
        place = text.index(f"{each.set} {'synthetic ' if 'held' in each.set else ''}· ")
        for figure in figures:
            assert figure in text[place:], (each.contender, figure)
    for sentence in (*found.sentences, *found.notes):
        assert sentence in text


def test_every_pair_is_there() -> None:
    found = full()
    text = Reader(whole()).text

    for each in found.pairs:
        assert f"{each.second} against {each.first} {each.set} {100 * each.difference:+.1f}" in text


def test_texts_labels_names_and_replies_are_escaped() -> None:
    html = page(hostile(), trained=[model(EVIL, note=EVIL, base=EVIL, tuner=EVIL)])
    reader = Reader(html)

    assert html.count("<script>") == 1
    assert "<img" not in html
    assert "{{ 7*7 }}" in reader.text
    assert "49 }}" not in html
    assert reader.text.count("alert('x')") > 20
    assert reader.having("onerror") == []
    assert html.encode("utf-8")


def test_nothing_is_fetched() -> None:
    for html in (whole(), page(hostile())):
        reader = Reader(html)

        for key in ("src", "href", "action", "srcset", "xlink:href", "formaction", "poster", "data"):
            assert [each for each in reader.having(key) if not each.startswith("#")] == []
        assert {tag for tag, _ in reader.tags} & {"link", "iframe", "object", "embed", "base", "img"} == set()
        styles = [*reader.having("style"), *re.findall("<style>(.*?)</style>", html, re.DOTALL)]
        styles += [value for key in ("clip-path", "fill", "stroke", "mask") for value in reader.having(key)]
        for style in styles:
            assert re.findall(r"url\((?!#)|@import|image-set", style) == []
        assert not re.search(r"fetch\(|XMLHttp|import\(|sendBeacon|WebSocket", html)
        policy = [each for each in reader.having("content") if each.startswith("default-src")]
        assert policy == [
            "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
        ]


def test_no_id_is_there_twice_and_every_reference_leads_somewhere() -> None:
    reader = Reader(whole())
    ids = reader.having("id")

    assert len(ids) == len(set(ids))
    wanted = [each.removeprefix("#") for each in reader.having("href")]
    wanted += [name for each in reader.having("aria-labelledby") for name in each.split()]
    wanted += re.findall(r"url\(#([^)]*)\)", " ".join(reader.having("clip-path")))
    assert set(wanted) <= set(ids)


def test_the_same_comparison_is_the_same_page() -> None:
    assert page(full(), trained=[model(), model("fake:other")]) == whole()


def test_a_plot_for_all_that_there_is() -> None:
    titles = re.findall('<title id="[^"]*">([^<]*)</title>', whole())

    assert titles == [
        "Accuracy with 95 % intervals",
        "Learning curve on real.jsonl",
        "Learning curve on held-out.jsonl (synthetic)",
        "Reliability of tuned (15) on real.jsonl",
        "Reliability of tuned (300) on real.jsonl",
        "Reliability of tuned (15) on held-out.jsonl",
        "Reliability of tuned (300) on held-out.jsonl",
        "Loss of fake:tuned-300",
        "Loss of fake:other",
    ]


def test_what_is_not_there_is_not_shown() -> None:
    sets = {"real.jsonl": samples(3)}
    html = page(
        compared(sets, contender("base", right_of(3)), contender("tuned", right_of(3), trained=9)),
        trained=[model(steps=(TuningStep(number=1),), trained_tokens=None, expires=None, cost_usd=None)],
    )
    reader = Reader(html)

    assert re.findall('<title id="([^"]*)">', html) == ["accuracy-title"]
    assert "reliability" not in reader.having("id")
    assert "<script" not in html
    assert "Samples that were not named rightly There is none." in reader.text
    assert "not told unknown 61.5 s not told" in reader.text


def test_a_majority_alone_makes_a_page() -> None:
    sets = {"real.jsonl": samples(1)}
    text = Reader(page(compared(sets, majority(SPEC, sets)))).text

    assert text.count("There is one contender alone: nothing is compared.") == 1
    assert "No model was asked." in text


def test_one_model_alone_makes_a_page() -> None:
    text = Reader(page(compared({"real.jsonl": samples(4)}, contender("base", right_of(2))))).text

    assert "base on real.jsonl Most often:" in text


@pytest.mark.parametrize(
    ("base", "tuned", "synthetic", "tone", "told"),
    [
        (30, 55, False, "good", "Better than base: tuned (15)."),
        (55, 30, False, "bad", "Worse than base: tuned (15)."),
        (40, 41, False, "open", "No tuned model is shown better than base."),
        (
            30,
            55,
            True,
            "open",
            "Better than base on synthetic samples, and no real ones were there: tuned (15).",
        ),
    ],
)
def test_the_verdict_comes_first(base: int, tuned: int, synthetic: bool, tone: str, told: str) -> None:
    found = compared(
        {"a.jsonl": samples(60)},
        contender("base", right_of(base)),
        contender("tuned", right_of(tuned), trained=15),
        synthetic=["a.jsonl"] if synthetic else [],
    )

    assert headline(found).text == told
    assert f'<p class="verdict {tone}">{told}</p>' in page(found)
    assert (tone == "good") <= found.shown()


def test_a_real_set_goes_over_what_a_synthetic_one_says() -> None:
    def tuned(sample: Sample, number: int) -> Said:
        return right_of(60 if sample.id.startswith("made") else 31)(sample, number)

    found = compared(
        {"real.jsonl": samples(60), "made.jsonl": samples(60, name="made")},
        contender("base", right_of(30)),
        contender("tuned", tuned, trained=15),
        synthetic=["made.jsonl"],
    )

    assert headline(found).text == "No tuned model is shown better than base."


def test_no_tuned_model_is_said() -> None:
    found = compared(
        {"real.jsonl": samples(6)}, contender("zero-shot", right_of(3)), contender("base", right_of(2))
    )

    assert headline(found).text == "No tuned model was compared with what it was tuned from."


def test_a_matrix_holds_every_sample_and_no_empty_column() -> None:
    found = full()

    for score in found.scores:
        shown = matrix(found, score)
        assert sum(cell.count for _, cells in shown.rows for cell in cells) == score.n
        assert sum(cell.count for _, cells in shown.rows for cell in cells if cell.right) == score.right
        assert {len(cells) for _, cells in shown.rows} == {len(shown.columns)}
    assert matrix(found, found.score("real.jsonl", "base")).columns == ("card", "loan", "account", "no reply")
    assert matrix(found, found.score("real.jsonl", "zero-shot")).columns[3:] == ("unsure", "unreadable")
    assert "unsure" not in matrix(found, found.score("real.jsonl", "majority")).columns


@pytest.mark.parametrize("theme", [0, 1])
@pytest.mark.parametrize("name", ["good", "error"])
def test_a_count_can_be_read_on_the_darkest_shade(name: str, theme: int) -> None:
    found = full()
    ground = mixed(COLOURS[name][theme], COLOURS["raised"][theme], SHADE)
    shades = [
        cell.shade
        for score in found.scores
        for _, cells in matrix(found, score).rows
        for cell in cells
        if cell.count
    ]

    assert contrast(COLOURS["text"][theme], ground) >= 4.5
    assert 0 < min(shades) < max(shades) == SHADE


def test_every_wrong_answer_is_listed_with_what_each_said() -> None:
    found = full()
    listed = list(wrong(found))
    html = whole()

    assert html.count("<tr data-set=") == len(listed)
    missed = {(each.set, each.sample) for each in found.verdicts if not each.right and each.kind != "label"}
    assert missed <= {(each.set.name, each.put.id) for each in listed}
    text = Reader(html).text
    assert (
        "real-6 real.jsonl real text 6 right label card zero-shot ✗ unreadable something else "
        "base no reply Unavailable: closed tuned (15) ✓ card 55.0 % sure tuned (300) ✓ card 85.0 % sure"
    ) in text
    assert "zero-shot ✗ unsure base" in text


def test_the_filter_offers_where_tuned_and_base_part() -> None:
    found = full()
    html = whole()

    assert [(first, second) for first, second, _ in turned(found)] == [(2, 3), (2, 4)]
    assert '<option value="4-2">tuned (300), but base is right</option>' in html
    assert '<option value="2-4">base, but tuned (300) is right</option>' in html
    row = re.findall(r'<tr data-set="0" data-label="[^"]*" data-missed="([^"]*)"', html)[-1]
    assert row == "1 2 3 4"


def test_a_curve_of_its_own_is_a_file_of_svg() -> None:
    svg = curve_svg(full())
    root = ET.fromstring(svg)

    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "prefers-color-scheme: dark" in svg
    assert "var(" not in svg
    description = next(each.text or "" for each in root if each.tag.endswith("desc"))
    assert "with 15 samples 46.7" in description
    assert "with 300 samples 90.0" in description
    assert "base 53.3" in description
    assert svg == curve_svg(full())


def test_a_curve_takes_two_numbers_of_samples() -> None:
    one = compared(
        {"real.jsonl": samples(4)},
        contender("tuned", right_of(2), model="fake:a", trained=9),
        contender("tuned", right_of(3), model="fake:b", trained=9),
    )

    with pytest.raises(ConfigError, match="at least two numbers of samples"):
        curve_svg(one)
    assert "Learning curve" not in page(one)


@pytest.mark.parametrize("module", ["jinja2", "matplotlib"])
def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    for each in [each for each in sys.modules if each == module or each.startswith(f"{module}.")]:
        monkeypatch.delitem(sys.modules, each)
    monkeypatch.setitem(sys.modules, module, None)

    with pytest.raises(MissingDependency, match=r"latm\[report\]"):
        page(full())
