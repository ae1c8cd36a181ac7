"""What ``latm tune`` shows: text for people, and the records of ``--json``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import typer

from latm._figures import count, seconds
from latm._ledger import Spend
from latm.cli._say import cost, note, plain
from latm.errors import ConfigError
from latm.library import Promotion
from latm.tuner import TuningSpec
from latm.tuner.training import Training, TunedModel
from latm.tuner.tuning import Compared, Labelled, Reviewed, TuningRun, Written, WrittenFile


def written(found: Written) -> None:
    """The files of texts, and what they cost."""
    for each in (found.train, found.held_out):
        if each is None:
            continue
        new = f"{each.written} new" if each.written else "nothing was missing"
        typer.echo(f"{each.path}: {len(each.samples)} texts, {new}")
        _say_refused(each)
    note(f"{found.cost.calls} replies of the maker, {cost(found.cost.cost_usd)}")


def _say_refused(file: WrittenFile) -> None:
    if file.refused:
        reasons = ", ".join(f"{count} {reason}" for reason, count in file.refused.items())
        note(f"refused and asked for again: {reasons}")
    for label, missing in file.short.items():
        note(f"{label}: {missing} texts are missing, the maker gave none that will do; ask again", "yellow")


def written_record(found: Written) -> dict[str, object]:
    """The same as JSON data."""
    return {
        "train": _file_record(found.train),
        "held_out": None if found.held_out is None else _file_record(found.held_out),
        "cost": spend_record(found.cost),
    }


def _file_record(file: WrittenFile) -> dict[str, object]:
    return {
        "file": str(file.path),
        "samples": len(file.samples),
        "written": file.written,
        "replies": file.replies,
        "refused": dict(file.refused),
        "short": dict(file.short),
    }


def reviewed(found: Reviewed) -> None:
    """The findings, a line each."""
    from latm.tuner.review import lines

    for line in lines(found.review):
        typer.echo(line)
    if found.dropped:
        note(f"{len(found.dropped)} were taken out, into {found.aside}; {found.written} were written instead")


def review_record(found: Reviewed) -> dict[str, object]:
    """The same as JSON data."""
    return {
        **found.review.to_record(),
        "dropped": [each.id for each in found.dropped],
        "written": found.written,
    }


def review_page(spec: TuningSpec, found: Reviewed) -> str:
    """A review as a page."""
    from latm.tuner.review import page

    return page(spec, found.samples, found.review)


def tuned(model: TunedModel) -> None:
    """A model, and what it came of."""
    typer.echo(model.model)
    tokens = "" if model.trained_tokens is None else f", {model.trained_tokens:,} tokens trained"
    note(
        f"tuned of {model.base} on {count(model.samples, 'sample')} in {seconds(model.seconds)}{tokens}, "
        f"{_price(model)}"
    )
    if model.expires is not None:
        note(f"expires on {model.expires[:10]}. {model.note}".rstrip(), "yellow")
    elif model.note:
        note(model.note)


def compared(found: Compared) -> None:
    """The table and what it allows to say."""
    from latm.tuner.comparison import table

    typer.echo(table(found.comparison))
    note(f"comparison {found.number}, {cost(found.cost.cost_usd)}")


def compared_record(found: Compared) -> dict[str, object]:
    """The same as JSON data."""
    return {
        "number": found.number,
        "cost": spend_record(found.cost),
        "comparison": found.comparison.to_record(),
    }


def comparison_page(found: Compared, models: Sequence[TunedModel]) -> str:
    """A comparison as a page, with the loss curves of its models."""
    from latm.tuner.comparison import page

    asked = {each.model for each in found.comparison.contenders}
    return page(found.comparison, trained=[each for each in models if each.model in asked])


def run(done: TuningRun, spent: Spend) -> None:
    """All steps, in short."""
    written(done.written)
    findings = done.reviewed.review.findings
    note(f"review: {len(findings)} findings, none of them an error")
    tuned(done.tuned)
    compared(done.compared)
    note(f"spent now: {cost(spent.cost_usd)}")


def run_record(done: TuningRun, spent: Spend) -> dict[str, object]:
    """The same as JSON data."""
    return {
        "written": written_record(done.written),
        "review": review_record(done.reviewed),
        "model": done.tuned.to_record(),
        "compared": compared_record(done.compared),
        "spent": spend_record(spent),
    }


def labelled(said: Labelled) -> None:
    """The label, and how sure the model is."""
    typer.echo(said.label or "unsure")
    sure = "" if said.confidence is None else f", confidence {said.confidence:.2f}"
    other = f", which said {said.reply!r}" if said.label is None else ""
    note(f"{said.model}{other}{sure}, {seconds(said.seconds)}, {cost(said.cost_usd)}")


def status(jobs: Sequence[Training], promotions: Sequence[tuple[str, bool]]) -> None:
    """The jobs, newest first, and the roles that their models have."""
    for each in jobs:
        came = "" if each.model is None else f" {each.model.model}"
        why = f": {each.failure}" if each.failure else ""
        stands = "failed" if each.step == "failed" else each.state.status
        typer.echo(
            f"{each.run}  {stands:<9}  {each.name}, {each.samples} samples, {each.provider}:{each.base}"
            f"{came}{why}"
        )
    for sentence, well in promotions:
        note(sentence, "dim" if well else "yellow")


def status_record(jobs: Sequence[Training], promotions: Sequence[Promotion]) -> dict[str, object]:
    """The same as JSON data."""
    return {
        "jobs": [job_record(each) for each in jobs],
        "promotions": [promotion_record(each) for each in promotions],
    }


def job_record(job: Training) -> dict[str, object]:
    """A job as JSON data, without the marks of its texts, which say nothing to a reader."""
    return {key: value for key, value in job.to_record().items() if key != "seen"}


def promotion_record(found: Promotion) -> dict[str, object]:
    """A promotion as JSON data."""
    return {
        "role": found.role,
        "model": found.model,
        "tuning": found.tuning,
        "comparison": found.comparison,
        "expires": None if found.expires is None else found.expires.isoformat(),
    }


def spend_record(spend: Spend) -> dict[str, object]:
    """What was spent, as JSON data; the cost is null where a price is unknown."""
    return {"calls": spend.calls, "usage": plain(spend.usage), "cost_usd": plain(spend.cost_usd)}


def write_page(path: Path, text: str) -> None:
    """Write a page.

    Raises:
        ConfigError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise ConfigError(f"cannot be written: {error.strerror}", where=str(path)) from None


def _price(model: TunedModel) -> str:
    return cost(model.cost_usd)
