"""Tasks of other kinds than the paper's, whose makers are lazy: most state no property, and none a parser.

What is right here would crash on what somebody could make up: a unit or a sign that there is not, a day that
is none, a triangle that does not close, a stack's operations in another order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from latm import Example


@dataclass(frozen=True)
class Other:
    """One task, as calls of its function.

    Attributes:
        name: of the task.
        function: of every source.
        question: with a place for each argument.
        known: arguments and answers.
        right: sources that are right.
        wrong: sources that are not, by what is wrong.
        properties: what the maker replies when it is asked for them.
    """

    name: str
    function: str
    question: str
    known: tuple[tuple[tuple[object, ...], str], ...]
    right: Mapping[str, str]
    wrong: Mapping[str, str]
    properties: str = "none"
    calls: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for arguments, _ in self.known:
            written = ", ".join(map(repr, arguments))
            self.calls[self.question.format(*arguments)] = f"{self.function}({written})"

    @property
    def examples(self) -> tuple[Example, ...]:
        """The questions with their answers."""
        return tuple(Example(self.question.format(*each), answer) for each, answer in self.known)


def _one(*pairs: tuple[object, str]) -> tuple[tuple[tuple[object, ...], str], ...]:
    return tuple(((argument,), answer) for argument, answer in pairs)


MASSES = {
    "drams": 1.77, "quintals": 100000.0, "carats": 0.2, "stones": 6350.29, "pounds": 453.59,
    "grains": 0.0648, "ounces": 28.35, "slugs": 14593.9, "tonnes": 1000000.0,
}  # fmt: skip
UNITS = Other(
    name="units",
    function="grams",
    question="How many grams are one of the {0}?",
    known=_one(*((unit, str(mass)) for unit, mass in MASSES.items())),
    right={
        "a table": f"MASSES = {MASSES}\ndef grams(unit):\n    return MASSES.get(unit) * 1\n",
        "a search": (
            f"MASSES = {list(MASSES.items())}\ndef grams(unit):\n"
            "    return next(mass for name, mass in MASSES if name == unit)\n"
        ),
    },
    wrong={
        "one is missing": (
            f"MASSES = {dict(list(MASSES.items())[:-1])}\n"
            "def grams(unit):\n    return MASSES.get(unit, 1.0)\n"
        ),
        "rounded": f"MASSES = {MASSES}\ndef grams(unit):\n    return round(MASSES[unit], 2)\n",
    },
)
_ROMAN = """\
SIGNS = ((1000, 'M'), (900, 'CM'), (500, 'D'), (400, 'CD'), (100, 'C'), (90, 'XC'), (50, 'L'), (40, 'XL'),
         (10, 'X'), (9, 'IX'), (5, 'V'), (4, 'IV'), (1, 'I'))
def roman(number):
    out = ''
    for value, sign in SIGNS:
        while number >= value:
            out += sign
            number -= value
    return out
"""
_NUMERALS = """\
```python
VALUES = {'I': 1, 'V': 5, 'X': 10, 'L': 50, 'C': 100, 'D': 500, 'M': 1000}

@given(number=st.integers(1, 3999))
def test_its_value(number):
    text = roman(number)
    assert not any(sign * 4 in text for sign in 'IXC')
    pairs = zip(text, text[1:] + 'I')
    assert sum(VALUES[a] if VALUES[a] >= VALUES[b] else -VALUES[a] for a, b in pairs) == number
```
"""
ROMAN = Other(
    name="roman",
    function="roman",
    question="Write {0} as a Roman numeral.",
    known=_one(
        (1853, "MDCCCLIII"),
        (3547, "MMMDXLVII"),
        (2293, "MMCCXCIII"),
        (3510, "MMMDX"),
        (3786, "MMMDCCLXXXVI"),
        (3200, "MMMCC"),
        (1908, "MCMVIII"),
        (1851, "MDCCCLI"),
        (2081, "MMLXXXI"),
    ),
    right={"a table": _ROMAN},
    wrong={
        "no nine hundred": _ROMAN.replace("(900, 'CM'), ", ""),
        "no ninety": _ROMAN.replace("(90, 'XC'), ", ""),
        # Nothing that is known ends in a four: a property has to find it.
        "no four": _ROMAN.replace("(4, 'IV'), ", ""),
    },
    properties=_NUMERALS,
)
_SECOND = (
    "```python\n@given(numbers=st.lists(st.integers(1, 30), min_size=3, max_size=7, unique=True))\n"
    "def test_the_largest_again(numbers):\n"
    "    assert second([*numbers, max(numbers)]) == second(numbers)\n```"
)
SECOND = Other(
    name="second largest",
    function="second",
    question="Which is the second largest of the different numbers {0}?",
    known=_one(
        ([28, 18, 28, 30, 25, 15], "28"),
        ([17, 28, 19, 7, 6, 26], "26"),
        ([16, 21, 20, 26, 6, 4, 15], "21"),
        ([5, 3, 18, 26, 29], "26"),
        ([20, 13, 15], "15"),
        ([21, 6, 20, 1, 27, 17, 3], "21"),
        ([2, 7, 29], "7"),
        ([20, 1, 25, 15], "20"),
        ([15, 19, 27, 7, 17], "19"),
    ),
    right={"sorted": "def second(numbers):\n    return sorted(set(numbers))[-2]\n"},
    wrong={"counts the largest twice": "def second(numbers):\n    return sorted(numbers)[-2]\n"},
    properties=_SECOND,
)
SPREAD = Other(
    name="deviation",
    function="deviation",
    question="What is the sample standard deviation of {0}, with two decimals?",
    known=_one(
        ([36, 50, 30, 29, 33, 38], "7.67"),
        ([12, 33, 31, 41], "12.28"),
        ([7, 29, 20, 10], "10.02"),
        ([35, 45, 41], "5.03"),
        ([39, 26, 29], "6.81"),
        ([40, 1, 34, 5], "19.85"),
        ([3, 13, 16], "6.81"),
        ([50, 30, 21], "14.84"),
        ([38, 13, 34, 15, 41, 19], "12.40"),
    ),
    right={
        "statistics": (
            "import statistics\ndef deviation(values):\n    return f'{statistics.stdev(values):.2f}'\n"
        )
    },
    wrong={
        "of all": "import statistics\ndef deviation(values):\n    return f'{statistics.pstdev(values):.2f}'\n"
    },
)
TRIANGLES = Other(
    name="triangles",
    function="area",
    question="What is the area of the triangle with the sides {0}, with two decimals?",
    known=_one(
        ([17, 20, 17], "137.48"),
        ([17, 19, 9], "76.47"),
        ([8, 19, 18], "71.68"),
        ([4, 9, 10], "17.98"),
        ([17, 9, 19], "76.47"),
        ([10, 12, 18], "56.57"),
        ([11, 16, 20], "87.81"),
        ([5, 11, 13], "26.89"),
        ([10, 19, 12], "52.39"),
    ),
    right={
        "Heron": (
            "import math\ndef area(sides):\n    a, b, c = sides\n    s = (a + b + c) / 2\n"
            "    return f'{math.sqrt(s * (s - a) * (s - b) * (s - c)):.2f}'\n"
        )
    },
    wrong={"half of two": "def area(sides):\n    a, b, c = sorted(sides)\n    return f'{a * b / 2:.2f}'\n"},
)
INVERSES = Other(
    name="inverses",
    function="invert",
    question="Invert the matrix {0}, and write its numbers row by row as fractions.",
    known=_one(
        ([[2, 3], [2, 2]], "-1, 3/2, 1, -1"),
        ([[3, 4], [-2, -3]], "3, 4, -2, -3"),
        ([[3, 2], [5, 4]], "2, -1, -5/2, 3/2"),
        ([[-3, -4], [2, -1]], "-1/11, 4/11, -2/11, -3/11"),
        ([[-3, -4], [3, 5]], "-5/3, -4/3, 1, 1"),
        ([[-5, 4], [1, 2]], "-1/7, 2/7, 1/14, 5/14"),
        ([[5, 4], [5, -3]], "3/35, 4/35, 1/7, -1/7"),
        ([[4, -5], [3, -4]], "4, -5, 3, -4"),
        ([[4, -5], [2, 0]], "0, 1/2, -1/5, 2/5"),
    ),
    right={
        "fractions": (
            "from fractions import Fraction\ndef invert(matrix):\n    (a, b), (c, d) = matrix\n"
            "    return ', '.join(str(Fraction(each, a * d - b * c)) for each in (d, -b, -c, a))\n"
        )
    },
    wrong={
        "transposed": (
            "from fractions import Fraction\ndef invert(matrix):\n    (a, b), (c, d) = matrix\n"
            "    return ', '.join(str(Fraction(each, a * d - b * c)) for each in (d, -c, -b, a))\n"
        )
    },
)
INTERVALS = Other(
    name="intervals",
    function="merge",
    question="Merge the intervals {0}.",
    known=_one(
        ([[27, 35], [14, 18], [5, 13], [3, 11], [9, 12]], "[[3, 13], [14, 18], [27, 35]]"),
        ([[17, 18], [19, 26], [30, 38]], "[[17, 18], [19, 26], [30, 38]]"),
        ([[19, 20], [26, 28], [1, 2], [6, 10]], "[[1, 2], [6, 10], [19, 20], [26, 28]]"),
        ([[24, 32], [10, 18], [18, 22]], "[[10, 22], [24, 32]]"),
        ([[20, 25], [15, 16], [21, 23], [14, 19]], "[[14, 19], [20, 25]]"),
        ([[17, 19], [22, 27], [16, 21], [0, 2]], "[[0, 2], [16, 21], [22, 27]]"),
        ([[3, 8], [12, 14], [30, 31], [6, 10], [29, 30]], "[[3, 10], [12, 14], [29, 31]]"),
        ([[12, 19], [13, 15], [18, 22], [10, 12], [9, 15]], "[[9, 22]]"),
        ([[30, 37], [24, 26], [4, 8]], "[[4, 8], [24, 26], [30, 37]]"),
    ),
    right={
        "sorted": (
            "def merge(intervals):\n    out = []\n    for start, end in sorted(intervals):\n"
            "        assert start <= end\n        if out and start <= out[-1][1]:\n"
            "            out[-1][1] = max(out[-1][1], end)\n        else:\n"
            "            out.append([start, end])\n    return str(out)\n"
        )
    },
    wrong={
        "the last end": (
            "def merge(intervals):\n    out = []\n    for start, end in sorted(intervals):\n"
            "        if out and start <= out[-1][1]:\n            out[-1][1] = end\n"
            "        else:\n            out.append([start, end])\n    return str(out)\n"
        ),
        "as they come": (
            "def merge(intervals):\n    out = []\n    for start, end in intervals:\n"
            "        if out and out[-1][0] <= start <= out[-1][1]:\n"
            "            out[-1][1] = max(out[-1][1], end)\n        else:\n"
            "            out.append([start, end])\n    return str(sorted(out))\n"
        ),
    },
)
_RED, _BLUE, _PINK, _POP = ["push", "red"], ["push", "blue"], ["push", "pink"], ["pop"]
STACKS = Other(
    name="stacks",
    function="top",
    question="What is on top of the stack after {0}?",
    known=_one(
        ([_RED, _BLUE, _PINK, _POP], "blue"),
        ([_RED, _BLUE, _POP], "red"),
        ([_RED, _POP, _PINK], "pink"),
        ([_BLUE, _RED, _POP, _PINK, _POP], "blue"),
        ([_PINK, _RED], "red"),
        ([_RED, _PINK, _POP], "red"),
        ([_BLUE, _PINK, _POP, _RED], "red"),
        ([_PINK, _BLUE, _RED, _POP, _POP], "pink"),
        ([_PINK, _POP, _BLUE, _RED, _POP], "blue"),
    ),
    right={
        "a list": (
            "def top(steps):\n    stack = []\n    for step in steps:\n        if step[0] == 'push':\n"
            "            stack.append(step[1])\n        else:\n            stack.pop()\n"
            "    return stack[-1]\n"
        )
    },
    wrong={
        "the last one pushed": (
            "def top(steps):\n    return [step[1] for step in steps if step[0] == 'push'][-1]\n"
        ),
        "one pop at most": (
            "def top(steps):\n    pushed = [step[1] for step in steps if step[0] == 'push']\n"
            "    return pushed[-2] if steps[-1][0] == 'pop' else pushed[-1]\n"
        ),
    },
)
CHANGE = Other(
    name="change",
    function="coins",
    question="With how few coins of the kinds {0} can {1} be paid?",
    known=(
        (([1, 2, 5, 10, 20, 50], 77), "4"),
        (([1, 2, 5, 10, 20, 50], 63), "4"),
        (([1, 3, 4], 81), "21"),
        (([1, 5, 10, 25], 29), "5"),
        (([1, 3, 4], 66), "17"),
        (([1, 3, 4], 84), "21"),
        (([1, 5, 10, 25], 18), "5"),
        (([1, 2, 5, 10, 20, 50], 44), "4"),
        (([1, 5, 10, 25], 17), "4"),
    ),
    right={
        "a table": (
            "def coins(kinds, amount):\n    best = [0]\n    for sum_ in range(1, amount + 1):\n"
            "        best.append(1 + min(best[sum_ - kind] for kind in kinds if kind <= sum_))\n"
            "    return best[amount]\n"
        )
    },
    wrong={
        "greedy": (
            "def coins(kinds, amount):\n    count = 0\n    for kind in sorted(kinds, reverse=True):\n"
            "        count += amount // kind\n        amount %= kind\n    return count\n"
        )
    },
)
_MORSE = {
    "A": ".-", "B": "-...", "C": "-.-.", "D": "-..", "E": ".", "N": "-.", "R": ".-.", "S": "...", "T": "-",
}  # fmt: skip
MORSE = Other(
    name="morse",
    function="decode",
    question="Decode this Morse code: {0}",
    known=_one(
        *(
            (" ".join(_MORSE[letter] for letter in word), word)
            for word in ("RTTRND", "RTNC", "TEC", "RAN", "TNCNAR", "AAD", "NATS", "NDRDET", "BTE")
        )
    ),
    right={
        "a table": (
            f"SIGNS = { {code: letter for letter, code in _MORSE.items()} }\n"
            "def decode(code):\n    return ''.join(SIGNS[sign] for sign in code.split())\n"
        )
    },
    wrong={
        "no S": (
            f"SIGNS = { {code: letter for letter, code in _MORSE.items() if letter != 'S'} }\n"
            "def decode(code):\n    return ''.join(SIGNS.get(sign, '?') for sign in code.split())\n"
        )
    },
)
DAYS = Other(
    name="days",
    function="day",
    question="Which day of the week is the date {0} (year, month, day)?",
    known=_one(
        ([2018, 9, 28], "Friday"),
        ([2019, 8, 17], "Saturday"),
        ([2027, 4, 6], "Tuesday"),
        ([2022, 8, 21], "Sunday"),
        ([2029, 3, 4], "Sunday"),
        ([2018, 5, 5], "Saturday"),
        ([1995, 9, 26], "Tuesday"),
        ([2030, 1, 20], "Sunday"),
        ([2015, 8, 21], "Friday"),
    ),
    right={"datetime": ("import datetime\ndef day(date):\n    return f'{datetime.date(*date):%A}'\n")},
    wrong={
        "no leap years": (
            "import datetime\ndef day(date):\n    year, month, number = date\n"
            "    days = datetime.date(2015, month, number).toordinal() + 365 * (year - 2015)\n"
            "    return f'{datetime.date.fromordinal(days):%A}'\n"
        )
    },
)

OTHERS = (
    UNITS, ROMAN, SECOND, SPREAD, TRIANGLES, INVERSES, INTERVALS, STACKS, CHANGE, MORSE, DAYS,
)  # fmt: skip
