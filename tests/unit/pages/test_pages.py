"""The room of the pages: templates that escape, and plots that take the colours of their page."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latm import MissingDependency
from latm.pages import COLOURS, SERIES, Series, Share, colour, draw, draw_shares, plain, render
from unit.pages.contrasts import contrast

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HOSTILE = "</svg><script>alert(1)</script> & url(#x) id=\"y\" $\\frac{1}$ %{} \x00\x0b \ud800 漢字 'q'"


def painted(label: str = "a line") -> Callable[[Figure], None]:
    def paint(figure: Figure) -> None:
        axes = figure.add_subplot()
        lines = axes.plot([1, 2, 3], [0.2, 0.5, 0.4], "o-", color=colour("accent"))
        axes.plot([1, 2, 3], [0.1, 0.2, 0.3], "s--", color=colour("series-2"))
        axes.fill_between([1, 2, 3], [0.1, 0.4, 0.3], [0.3, 0.6, 0.5], color=colour("accent"), alpha=0.2)
        axes.set_title(plain(label))
        axes.legend(lines, [plain(label)])

    return paint


def drawn(name: str = "plot", label: str = "a line", *, alone: bool = False) -> str:
    return draw(painted(label), name=name, title="A plot", description="It rises.", alone=alone)


def ids(svg: str) -> set[str]:
    return set(re.findall(r'\bid="([^"]*)"', svg))


def test_the_same_plot_is_the_same_text():
    assert drawn() == drawn()


def test_a_plot_has_the_colours_of_the_page_and_no_ground():
    svg = drawn()

    assert "var(--accent)" in svg
    assert "var(--series-2)" in svg
    assert re.findall("#[0-9a-f]{6}", svg) == []
    assert "<style" not in svg


def test_plots_of_a_page_share_no_id():
    one, other = drawn("one"), drawn("two")

    assert ids(one) & ids(other) == set()
    assert set(re.findall(r"url\(#([^)]*)\)|href=\"#([^\"]*)\"", one))
    for svg in (one, other):
        wanted = {a or b for a, b in re.findall(r"url\(#([^)]*)\)|href=\"#([^\"]*)\"", svg)}
        assert wanted <= ids(svg)


def test_a_plot_is_an_image_with_a_title_and_a_description():
    root = ET.fromstring(drawn())

    assert root.attrib["role"] == "img"
    told = {each.attrib["id"]: each.text for each in root if each.tag.endswith(("title", "desc"))}
    assert [told[each] for each in root.attrib["aria-labelledby"].split()] == ["A plot", "It rises."]


@pytest.mark.parametrize("alone", [False, True])
def test_texts_are_texts_whatever_they_say(alone: bool):
    svg = draw(painted(HOSTILE), name="plot", title=HOSTILE, description=HOSTILE, alone=alone)
    texts = {each.text for each in ET.fromstring(svg).iter() if each.tag.endswith(("text", "title", "desc"))}

    assert any(each and "<script>" in each and "$\\frac{1}$" in each and "漢字" in each for each in texts)
    assert "<script" not in svg


@given(text=st.text(st.characters()))
def test_any_text_can_be_made_plain(text: str):
    made = plain(text)

    assert made.encode("utf-8").decode("utf-8") == made
    ET.fromstring(f"<a>{escape(made)}</a>")
    assert plain(made) == made
    assert len(made) == len(text)


def test_a_file_of_its_own_follows_light_and_dark():
    svg = drawn(alone=True)

    assert 'class="stroke-accent"' in svg
    assert f"stroke-accent{{stroke:{COLOURS['accent'][1]}}}" in svg
    assert 'class="fill-raised"' in svg
    assert "var(" not in svg
    assert svg == drawn(alone=True)


def test_a_plot_leaves_the_settings_of_matplotlib_alone():
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    drawn()

    assert dict(mpl.rcParams) == before


def test_a_style_of_the_user_is_not_that_of_the_plot():
    import matplotlib as mpl

    expected = drawn()
    with mpl.rc_context({"lines.linewidth": 9, "axes.grid": False, "font.size": 30}):
        assert drawn() == expected


def shares(*names: str, series: int = 1) -> str:
    kinds = [Series(name=f"_kind {number}", hollow=number > 0) for number in range(series)]
    found = [
        Share(row=name, series=kind.name, share=1.0, low=0.7, high=1.0) for name in names for kind in kinds
    ]
    return draw_shares(found, kinds, name="shares", title="Shares", axis="right, %")


def test_shares_have_a_row_for_each_name_and_a_legend_where_they_are_of_several_kinds():
    texts = [each.text for each in ET.fromstring(shares("one", "_other", HOSTILE, series=2)).iter()]

    assert [texts.count(each) for each in ("one", "_other", "_kind 0", "_kind 1")] == [1, 1, 1, 1]
    assert "one (_kind 1) 100 % (70.0 to 100)" in shares("one", series=2)
    assert "_kind" not in shares("one", "_other")
    assert "one 100 % (70.0 to 100); _other 100 % (70.0 to 100)." in shares("one", "_other")
    assert "<script" not in shares(HOSTILE)


def test_a_name_is_checked():
    with pytest.raises(ValueError, match="no name of a plot"):
        drawn('"><script>')


@pytest.mark.parametrize("theme", [0, 1])
def test_texts_and_lines_can_be_told_from_what_they_stand_on(theme: int):
    of = {name: pair[theme] for name, pair in COLOURS.items()}

    for name in SERIES:
        assert contrast(of[name], of["raised"]) >= 3, name
    for ink, grounds in {
        **dict.fromkeys(("text", "quiet", "accent"), ("ground", "raised")),
        **{each: (f"{each}-ground",) for each in ("error", "warning", "note", "good")},
        "mark-text": ("mark",),
    }.items():
        for ground in grounds:
            assert contrast(of[ink], of[ground]) >= 4.5, (ink, ground)


def test_no_two_colours_are_alike():
    assert len({light for light, _ in COLOURS.values()}) == len(COLOURS)


def test_a_page_has_every_colour_twice_and_escapes():
    html = render(
        "latm.tuner._pages",
        "review.html",
        spec={"name": HOSTILE, "about": "", "question": ""},
        figures={
            "samples": 0,
            "drop": 0,
            "words": {"least": 0, "median": 0, "most": 0},
            "distinct_1": 0.0,
            "distinct_2": 0.0,
            "distinct_3": 0.0,
            "nearest_mean": 0.0,
            "nearest_max": 0.0,
            "opening": {"texts": 0, "words": ""},
            "validation": {},
            "labels": {"x": 0},
        },
        may_train=True,
        counts={"error": 0, "warning": 0, "note": 0},
        shown=[],
        rows=[],
        checks=[],
    )

    for name, (light, dark) in COLOURS.items():
        assert f"--{name}: {light};" in html
        assert f"--{name}: {dark};" in html
    parser = HTMLParser()
    parser.feed(html)
    assert html.count("<script>") == 1
    assert html.encode("utf-8")


@pytest.mark.parametrize(
    ("module", "wanted"),
    [("matplotlib", drawn), ("jinja2", lambda: render("latm.pages", "base.html"))],
)
def test_what_is_not_installed_is_named(
    monkeypatch: pytest.MonkeyPatch, module: str, wanted: Callable[[], str]
):
    for each in [each for each in sys.modules if each == module or each.startswith(f"{module}.")]:
        monkeypatch.delitem(sys.modules, each)
    monkeypatch.setitem(sys.modules, module, None)

    with pytest.raises(MissingDependency, match=r"latm\[report\]") as caught:
        wanted()
    assert caught.value.module == module
