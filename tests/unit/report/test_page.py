"""The page of a report: what stands on it, and that nothing on it is taken for markup."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from decimal import Decimal
from html.parser import HTMLParser

import pytest

from latm.library import Library
from latm.report import Report, gather, page
from latm.report import _text as text
from latm.report._money import Strong, break_even, money
from latm.report._page import highlight
from latm.report._records import Sum
from unit.engine.test_library import ODD
from unit.report.filled import SORTING, fill, made


class Reader(HTMLParser):
    """Counts ids, links within the page, and tags that were not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(str(value))
            if name == "href":
                self.links.append(str(value))


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Report]:
    folder = tmp_path_factory.mktemp("page")
    fill(folder / "latm.db")
    library = Library(f"sqlite:///{folder / 'latm.db'}")
    yield gather(library, enough=9)
    library.close()


@pytest.fixture(scope="module")
def html(report: Report) -> str:
    return page(report)


def test_it_has_a_place_for_everything(html: str) -> None:
    for sought in (
        "Paid for itself after 52 answers, on 2026-03-07",
        "the strong model alone would have taken about $4.30",
        "<svg",
        "23 of 24 agreed",
        "5 of 5 audited answers are disagreed with",
        "3 of 6 calls were wrong",
        "the function needs a network",
        "5 of 14 answered questions",
        "tuned is better than base on real.jsonl",
        "local:tuned/complaints",
        "Not held: the input could not be made larger.",
        "mean over all tasks",
    ):
        assert sought in html, sought
    assert "a secret reply" not in html  # what the maker said on the way is for `tools show --history`


def test_what_was_asked_is_no_markup(html: str) -> None:
    reader = Reader()
    reader.feed(html)
    assert "b" not in reader.tags
    assert "pear &lt;b&gt;apple&lt;/b&gt; &amp; fig" in html
    assert len(reader.ids) == len(set(reader.ids))
    inner = [link.removeprefix("#") for link in reader.links]
    assert set(inner) <= set(reader.ids)
    assert all(link.startswith("#") for link in reader.links)


def test_odd_texts_come_out_as_something_that_can_be_written() -> None:
    library = Library("sqlite://")
    evil = "</script><script>alert(1)</script> $x$ " + ODD
    tool = made("odd", run="r", source=f"def sort_words(words):\n    return {evil!r}  # {evil}\n")
    library.add(dataclasses.replace(tool, contract=evil))
    found = page(gather(library))
    library.close()
    found.encode("utf-8")
    assert "<script>alert" not in found
    assert found.count("<script>") == 1


def test_long_names_leave_room_for_the_plots(report: Report) -> None:
    """matplotlib warns where an axis has no room left, and gives up; a warning is an error here."""
    long = "sort-the-words-of-a-sentence-by-the-alphabet-whatever-their-case"
    compared = report.comparisons[0]
    bars = [dataclasses.replace(each, set=long + each.set, contender=long) for each in compared.bars]
    found = dataclasses.replace(
        report,
        tools=tuple(dataclasses.replace(each, name=long) for each in report.tools),
        comparisons=(dataclasses.replace(compared, bars=tuple(bars)),),
    )
    assert page(found).count("<svg") == 5


def test_code_is_highlighted_and_stays_the_same_text() -> None:
    found = str(highlight(SORTING))
    assert '<span class="k">def</span>' in found
    plain = re.sub(r"<[^>]+>", "", found).replace("&quot;", '"').replace("&gt;", ">").replace("&#39;", "'")
    assert plain == SORTING.rstrip()
    assert "more characters" in str(highlight("x = 1\n" * 20_000))


def test_a_sum_with_an_unknown_price_is_a_least_one() -> None:
    assert text.sum_text(Sum(calls=2, known_usd=Decimal(1), unpriced=1)) == "at least $1.00"
    assert text.sum_text(Sum(calls=1, unpriced=1)) == "unknown"


def test_the_headline_says_what_is_known(report: Report) -> None:
    unpriced = report.money
    told, sentence = text.headline(unpriced)
    assert told is None
    assert "The price of 1 call of 197 is not known" in sentence
    known = dataclasses.replace(unpriced, makings=Sum(calls=4, known_usd=Decimal("1.5")))
    told, sentence = text.headline(known)
    assert told is True
    assert sentence.replace("\N{NO-BREAK SPACE}", " ") == (
        "$2.43 was spent where the strong model alone would have taken about $4.30: 43.4 % less."
    )
    dear = dataclasses.replace(known, makings=Sum(calls=4, known_usd=Decimal(15)))
    told, sentence = text.headline(dear)
    assert (told, "about $11.63 more than the strong model" in sentence) == (False, True)
    told, sentence = text.headline(dataclasses.replace(known, alone_usd=None))
    assert (told, "not known" in sentence) == (None, True)


def test_each_state_of_break_even_has_its_sentence(report: Report) -> None:
    paid = report.tools[0].break_even

    def said(**changes: object) -> str:
        return text.paid_back(dataclasses.replace(paid, **changes))

    assert said().startswith("Paid for itself after 52 answers")
    assert "took more than was saved since" in said(net_usd=Decimal(-1))
    assert said(alone_usd=None).startswith("Not known: the strong model")
    assert said(making=Sum(calls=1, unpriced=1)).startswith("Not known: the price of its making")
    assert said(answer_usd=None, net_usd=None).startswith("Not known: the price of one of its answers")
    assert said(answers=0, answer_usd=None, net_usd=Decimal(-1), reached=None).startswith(
        "Not yet: it cost $1.00"
    )
    assert said(reached=None, answer_usd=Decimal(1)).startswith("Never, as it is")
    assert said(reached=None, answer_usd=Decimal("0.01"), net_usd=Decimal("-0.045")) == (
        "Not yet: after about 5 answers more, each of which saves $0.01."
    )


def test_where_money_was_spent_something_has_happened(report: Report) -> None:
    """As by the making of a first tool that came to nothing, or by a tuning alone."""
    nothing = Sum()
    for spent in ("questions", "makings", "audits", "others", "before"):
        sums = dict.fromkeys(("questions", "makings", "audits", "others", "before"), nothing)
        sums[spent] = Sum(calls=1, known_usd=Decimal(5))
        paid = dataclasses.replace(report.money, **sums, points=(), alone_usd=None)
        none = dict.fromkeys(("routes", "tools", "pending", "comparisons", "promotions"), ())
        found = dataclasses.replace(report, money=paid, questions=0, counted_since=report.made, **none)
        assert "Nothing has happened" not in page(found)
        assert "$5.00" in page(found)


def test_a_library_without_prices_has_a_page() -> None:
    library = Library("sqlite://")
    library.add(made("free", run="r"))
    found = gather(library)
    library.close()
    assert money([], [], Strong([]), since=None).alone_usd is None
    assert break_even("x", makings=[], audits=[], answered=[], strong=Strong([])).net_usd is None
    assert "Not known: the strong model has given no priced answer" in page(found)
