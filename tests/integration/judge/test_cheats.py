"""Properties that cheat: none of them holds for a wrong function, and none hurts another."""

# The cheats are read more easily as they stand.
# ruff: noqa: E501

from __future__ import annotations

import pytest

from integration.judge.test_properties import BY_PREFIX, KNOWN, SORT, SORTING, statuses

pytestmark = pytest.mark.docker

W = "@given(st.lists(st.text('abcd', min_size=1, max_size=4), max_size=8))\n"

CHEATS = {
    "never calls": ("vacuous", W + "def p(words):\n    assert True\n"),
    "asserts nothing of what it called": ("vacuous", W + "def p(words):\n    f(words)\n    assert True\n"),
    "asserts nothing": ("vacuous", W + "def p(words):\n    f(words)\n"),
    "assume(False)": ("vacuous", W + "def p(words):\n    assume(False)\n    assert f(words) == 1\n"),
    "assume after the call": (
        "vacuous",
        W
        + "def p(words):\n    out = f(words)\n    assume(out == sorted(words) and len(words) > 90)\n    assert 0\n",
    ),
    "max_examples=1": (
        "fails",
        "from hypothesis import settings\n@settings(max_examples=1)\n"
        + W
        + "def p(words):\n    assert f(words) == sorted(words)\n",
    ),
    "settings of its own, below": (
        "fails",
        "from hypothesis import settings, Phase\n"
        + W
        + "@settings(max_examples=1, phases=[Phase.explicit])\n@example([])\n"
        + "def p(words):\n    assert f(words) == sorted(words)\n",
    ),
    "a profile": (
        "broken",
        "import hypothesis\nhypothesis.settings.register_profile('x', max_examples=1)\n"
        "PROFILE = hypothesis.settings.load_profile('x')\n"
        + W
        + "def p(words):\n    assert f(words) == sorted(words)\n",
    ),
    "the same input for ever": ("vacuous", "@given(st.just([]))\ndef p(many):\n    assert f(many) == []\n"),
    "hardly any input": (
        "vacuous",
        "@given(st.sampled_from([['a'], ['b', 'a']]))\ndef p(words):\n    assert f(words) == sorted(words)\n",
    ),
    "sys.exit": ("broken", "import sys\n" + W + "def p(words):\n    f(words)\n    sys.exit(0)\n"),
    "os._exit": ("broken", "import os\n" + W + "def p(words):\n    f(words)\n    os._exit(0)\n"),
    "os._exit later": (
        "broken",
        "import os\nN = []\n"
        + W
        + "def p(words):\n    f(words)\n    N.append(1)\n    if len(N) > 20: os._exit(0)\n",
    ),
    "catches its own assertion": (
        "vacuous",
        W
        + "def p(words):\n    try:\n        assert f(words) == sorted(words)\n    except AssertionError:\n        pass\n",
    ),
    "suppresses everything": (
        "vacuous",
        "import contextlib\n"
        + W
        + "def p(words):\n    with contextlib.suppress(BaseException):\n        assert f(words) == sorted(words)\n",
    ),
    "defines the function": (
        "broken",
        "def f(words):\n    return sorted(words)\n"
        + W
        + "def p(words):\n    assert f(words) == sorted(words)\n",
    ),
    "takes the function's name": ("broken", "@given(st.integers())\ndef p(f):\n    assert True\n"),
    "puts another in its place": (
        "vacuous",
        W
        + "def p(words):\n    f(words)\n    globals()['f'] = sorted\n    assert globals()['f'](words) == sorted(words)\n",
    ),
    "puts another in its place at once": (
        "broken",
        "DONE = globals().__setitem__('f', sorted)\n"
        + W
        + "def p(words):\n    assert f(words) == sorted(words)\n",
    ),
    "prints a pass mark": (
        "vacuous",
        "import os\n"
        + W
        + "def p(words):\n    f(words)\n    print('passed')\n    os.write(1, b'OK 100 passed')\n",
    ),
    "atexit": (
        "vacuous",
        "import atexit\nDONE = atexit.register(print, 'passed')\n" + W + "def p(words):\n    f(words)\n",
    ),
    "patches builtins": (
        "vacuous",
        "import builtins\n"
        + W
        + "def p(words):\n    builtins.all = lambda _: True\n    out = f(words)\n"
        + "    assert all(a <= b for a, b in zip(out, out[1:]))\n",
    ),
    "breaks isinstance": (
        "broken",
        "import builtins\n"
        + W
        + "def p(words):\n    builtins.isinstance = lambda *_: False\n    out = f(words)\n"
        + "    try:\n        assert out == sorted(words)\n    except Exception: pass\n",
    ),
    "patches Hypothesis": (
        "vacuous",
        "import hypothesis\nhypothesis_given = hypothesis.given\n"
        + W
        + "def p(words):\n    f(words)\n    hypothesis.given = hypothesis.settings = hypothesis.reject = print\n"
        + "    hypothesis.assume = lambda *_: True\n",
    ),
    "asserts once, and never again": (
        "vacuous",
        "N = []\n"
        + W
        + "def p(words):\n    out = f(words)\n    N.append(1)\n    if len(N) < 2:\n        assert out is not None\n",
    ),
    "draws inside": (
        "broken",
        "@given(st.data())\ndef p(data):\n    words = data.draw(st.lists(st.text()))\n    assert f(words) == sorted(words)\n",
    ),
    "imports what is not there": (
        "broken",
        "import numpy\n" + W + "def p(words):\n    assert f(words) == sorted(words)\n",
    ),
    "hangs": ("broken", W + "def p(words):\n    while f(words): pass\n    assert 0\n"),
    "forks": (
        "vacuous",
        "import os\n" + W + "def p(words):\n    f(words)\n    if not os.fork(): os._exit(0)\n    os.wait()\n",
    ),
}
FORGE = """
import sys, gc
%s
def p(words):
    out = f(words)
    frame = sys._getframe()
    while frame:
        for name in ("last", "said", "outcome"):
            frame.f_locals.pop(name, None)
        frame = frame.f_back
    for each in gc.get_objects():
        if type(each).__name__ == "StandIn":
            for _ in range(3):
                for question in (("case", ("pass", "", 0), {"words": []}), ("last", 0, ("pass", "", 0), ""), ("next", ("pass", "", 0))):
                    try:
                        each._ask(*question)
                    except RuntimeError:
                        pass
    assert out == sorted(words)
"""
LEAVE = """
import sys
%s
def p(words):
    f(words)
    frame = sys._getframe()
    while frame:
        for kind in ("Stop", "Rejected"):
            if kind in frame.f_globals:
                raise frame.f_globals[kind]
        frame = frame.f_back
"""
CHEATS["forges answers to the host"] = ("", FORGE % W)
CHEATS["leaves by the judge's own exception"] = ("", LEAVE % W)


@pytest.mark.parametrize("name", CHEATS)
def test_no_cheat_holds_for_a_wrong_function(bench, name):
    expected, code = CHEATS[name]
    (verdict,) = bench.properties(BY_PREFIX, code, known=KNOWN, cases=40)
    assert (verdict.name, verdict.status) != ("p", "holds")
    assert expected in {"", verdict.status}, verdict
    assert verdict.detail


@pytest.mark.parametrize("name", [name for name, (expected, _) in CHEATS.items() if expected == "fails"])
def test_settings_of_a_property_are_not_heard(bench, name):
    (verdict,) = bench.properties(SORT, CHEATS[name][1], known=KNOWN, cases=40)
    assert (verdict.status, verdict.cases) == ("holds", 40)


def test_only_cases_in_which_it_called_count(bench):
    never, rarely = (
        W + "def never(words):\n    assert words is not None\n",
        W + "def rarely(words):\n    if len(words) > 3:\n",
    )
    verdicts = bench.properties(
        SORT, never + "\n" + rarely + "        assert f(words) == sorted(words)\n", cases=40
    )
    assert [(each.status, each.cases) for each in verdicts] == [("vacuous", 0), ("holds", 40)]
    assert verdicts[0].detail == "it never calls f"


def test_one_that_cheats_does_not_hurt_the_others(bench):
    killing = "import os\n" + W + "def kills(words):\n    f(words)\n    os.killpg(0, 9)\n    os._exit(1)\n"
    verdicts = bench.properties(SORT, killing + SORTING.replace("from hypothesis", "from hypothesis"))
    assert statuses(verdicts) == {
        "kills": "broken",
        **dict.fromkeys(("same_words", "ordered", "whatever_the_order"), "holds"),
    }
