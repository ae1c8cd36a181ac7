"""What the stages found, as the evidence, the notes and the draft that are kept of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from latm._records import Check, Demonstration, Evidence
from latm._signature import contract_of
from latm.maker._draft import Draft
from latm.maker.judge import Robustness
from latm.maker.strict import exam as examining
from latm.maker.strict import opinion as opining
from latm.maker.strict import regression as regressing
from latm.maker.strict.exam import Exam
from latm.maker.strict.opinion import Opinion
from latm.maker.strict.overlap import Overlap
from latm.maker.strict.parser import Parsing
from latm.maker.strict.probe import Scaling, unsteady
from latm.maker.strict.properties import Held
from latm.maker.strict.regression import Carried
from latm.maker.strict.verify import Verified

_OPTIONAL = frozenset({"parser", "scaling"})  # stages without which a tool is no less to be trusted


@dataclass(frozen=True, slots=True)
class Probed:
    """What probing found that is no fault.

    Attributes:
        overlap: of the source and the examples.
        robustness: on generated input.
        at: when the known calls were run, by the engine's clock.
        seed: of the generated input.
    """

    overlap: Overlap
    robustness: Robustness
    at: float
    seed: int

    @property
    def outside(self) -> tuple[str, ...]:
        """What fails outside of the contract."""
        return tuple(f"{each.call}: {each.problem}" for each in self.robustness.outside)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """A function in which no stage finds a fault any more."""

    verified: Verified
    probed: Probed
    held: Held
    carried: Carried | None = None
    opinion: Opinion | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What all stages have found.

    Attributes:
        settled: the function, with what was found on the way to it.
        unknown: how many of the verified questions the maker had no answers for.
        parsing: of the parser.
        grown: of larger inputs.
        exam: None where it was not held.
        no_exam: why not.
        apart_s: seconds between the first run of the known calls and the last one.
    """

    settled: Settled
    unknown: int
    parsing: Parsing
    grown: Scaling
    exam: Exam | None
    no_exam: str
    apart_s: float


def evidence_of(found: Findings) -> tuple[Evidence, ...]:
    """What each stage found, in their order."""
    settled = found.settled
    opinion = settled.opinion
    return (
        verify_of(settled.verified, found.unknown),
        determinism_of(settled.verified, found.apart_s),
        Evidence(
            stage="overlap",
            summary="The source holds none of the examples.",
            figures={"shared_literals": list(settled.probed.overlap.evidence)},
        ),
        robustness_of(settled.probed),
        properties_of(settled.held, settled.probed.seed),
        *(() if settled.carried is None else (regression_of(settled.carried),)),
        *(() if opinion is None else (opinion_of(opinion),)),
        scaling_of(found.grown),
        parser_of(found.parsing),
        exam_of(found.exam, found.no_exam),
    )


def verify_of(verified: Verified, unknown: int) -> Evidence:
    """Of the known answers, `unknown` of which the maker was not told."""
    known = len(verified.checked)
    return Evidence(
        stage="verify",
        summary=f"{known} answers are right; the maker did not know {unknown} of them.",
        figures={"right": known, "unknown_to_maker": unknown},
    )


def determinism_of(verified: Verified, apart_s: float) -> Evidence:
    """Of the known calls made again, the last time after so many seconds."""
    known = len(verified.checked)
    said = (
        f"{known} calls gave the same in cells of another hash seed and zone, at once and {apart_s:.1f} s "
        "later."
    )
    return Evidence(
        stage="determinism",
        summary=" ".join([said, *unsteady(verified.source)]),
        figures={"calls": known, "apart_s": round(apart_s, 3)},
    )


def robustness_of(probed: Probed) -> Evidence:
    """Of generated input."""
    cases = probed.robustness.cases
    return Evidence(
        stage="robustness",
        held=cases > 0,
        summary=f"{cases} generated inputs inside its contract gave a value or a declared error.",
        figures={"cases": cases, "seed": probed.seed, "outside": list(probed.outside)},
    )


def properties_of(held: Held, seed: int) -> Evidence:
    """Of what the maker states of every answer."""
    good = {each.name: each.cases for each in held.verdicts if each.status == "holds"}
    listed = ", ".join(f"{name} ({cases} cases)" for name, cases in good.items())
    parts = [f"Hold: {listed}." if good else held.problem or "None was left."]
    if held.dropped:
        parts.append(f"Dropped as wrong themselves: {', '.join(held.dropped)}.")
    return Evidence(
        stage="properties",
        held=bool(good),
        summary=" ".join(parts),
        figures={
            "holds": good,
            "seed": seed,
            "vacuous": [each.name for each in held.verdicts if each.status == "vacuous"],
            "dropped": list(held.dropped),
        },
    )


def regression_of(carried: Carried) -> Evidence:
    """Of what the version before was tested with."""
    return Evidence(stage=regressing.STAGE, summary=str(carried), figures=carried.figures)


def opinion_of(opinion: Opinion) -> Evidence:
    """Of another model's function."""
    held = not opinion.problem
    return Evidence(stage=opining.STAGE, held=held, summary=str(opinion), figures=opinion.figures)


def scaling_of(grown: Scaling) -> Evidence:
    """Of larger inputs."""
    seconds = {str(factor): seconds for factor, seconds in grown.seconds.items()}
    return Evidence(stage="scaling", held=grown.held, summary=str(grown), figures={"cpu_s": seconds})


def parser_of(parsing: Parsing) -> Evidence:
    """Of the parser."""
    return Evidence(stage="parser", held=parsing.source is not None, summary=parsing.summary)


def exam_of(exam: Exam | None, why_not: str) -> Evidence:
    """Of the exam, or of why there was none."""
    if exam is None:
        return Evidence(stage=examining.STAGE, held=False, summary=f"Not held: {why_not}.")
    figures = {"model": exam.model, "right": exam.right, "asked": exam.asked, "bound": exam.bound}
    return Evidence(stage=examining.STAGE, summary=str(exam), figures=figures)


def notes_of(found: Findings, evidence: Sequence[Evidence]) -> tuple[str, ...]:
    """What a reader should know before trusting the tool: what is missing, and what is weak."""
    settled = found.settled
    missing = [each for each in evidence if not each.held and each.stage not in _OPTIONAL]
    notes = [f"{each.stage}: {each.summary}" for each in missing]
    carried = settled.carried
    if carried is not None and (carried.overruled or carried.disputed or carried.dropped or carried.left_out):
        notes.append(f"{regressing.STAGE}: {carried}")
    if settled.opinion is not None and settled.opinion.differences:
        notes.append(f"{opining.STAGE}: {settled.opinion}")
    notes += [f"Outside its contract: {each}" for each in settled.probed.outside]
    return (*notes, found.grown.warning) if found.grown.warning else tuple(notes)


def draft_of(settled: Settled, parsing: Parsing) -> Draft:
    """The tool without its evidence. What it took over from the version before is tested and not shown."""
    verified, carried = settled.verified, settled.carried
    checked = (*verified.checked, *(() if carried is None else carried.checked))
    return Draft(
        source=verified.source,
        function=verified.function,
        contract=contract_of(verified.source, verified.function),
        demonstrations=tuple(
            Demonstration(each.example.question, str(each.call)) for each in verified.checked
        ),
        call_style="call",
        checks=tuple(
            Check(question=each.example.question, call=str(each.call), answer=each.example.answer)
            for each in checked
        ),
        tests={} if carried is None else carried.tests,
        parser=parsing.source,
    )
