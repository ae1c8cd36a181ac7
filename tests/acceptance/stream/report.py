"""The table of a stream: who answered what, how well, and what it cost beside the strong model alone."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from acceptance.stream.playing import Played
from acceptance.stream.questions import Asked
from latm import Answer, BackendError

_COLUMNS = ("tool, repeat", "tool, parser", "tool, dispatcher", "model", "none", "error")


def way(answer: Answer | BackendError) -> str:
    """The route, and of tools the layer."""
    if isinstance(answer, BackendError):
        return "error"
    return f"tool, {answer.layer}" if answer.route == "tool" else answer.route


def lines(played: Played, *, rate: float) -> Iterator[str]:
    """The table, line by line."""
    shares: dict[str, Counter[str]] = defaultdict(Counter)
    right: Counter[str] = Counter()
    for asked, answer in played.results:
        shares[asked.kind][way(answer)] += 1
        right[way(answer)] += isinstance(answer, Answer) and asked.accepts(answer.text)
    asked_in_all = len(played.results)
    yield f"-- {asked_in_all} questions, {rate:.0%} errors, {played.seconds:.1f} s"
    yield f"{'':12}" + "".join(f"{name:>18}" for name in _COLUMNS)
    for kind, counts in sorted(shares.items()):
        yield f"{kind:12}" + "".join(f"{counts[name]:18}" for name in _COLUMNS)
    sums = Counter[str]()
    for counts in shares.values():
        sums.update(counts)
    accuracy = [f"{right[name] / sums[name]:18.1%}" if sums[name] else f"{'-':>18}" for name in _COLUMNS]
    yield f"{'right':12}" + "".join(accuracy)
    by_tool = sum(sums[name] for name in _COLUMNS[:3])
    calls = {role: spend.calls for role, spend in played.ledger.items()}
    yield (
        f"reuse rate {by_tool / asked_in_all:.1%}; calls of the strong model: {calls.get('fallback', 0)} as "
        f"fallback and auditor, {calls.get('maker', 0)} as maker; {asked_in_all} if it were alone"
    )
    cost, alone = played.cost, played.cost_of_strong_alone
    yield f"cost USD {cost:.4f}, strong model alone {alone:.4f}: {cost / alone:.0%}"
    yield f"tools {dict(played.tools)}; audits {played.events['audit.done']}"
    yield f"errors made {dict(sorted(played.book.counts.items()))}"


def explained(asked: Asked, answer: Answer, played: Played) -> bool:
    """Whether a wrong answer is due to a wrong label, a literal of the question, or the strong model."""
    made = played.book.faults[asked.text]
    if answer.route == "tool":
        return bool(made & {("dispatcher", "wrong label"), ("user", "wrong argument")})
    return ("fallback", "wrong answer") in made
