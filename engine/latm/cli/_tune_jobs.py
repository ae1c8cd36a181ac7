"""``latm tune``: jobs, models and the roles that they have."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from latm.cli import _tune_show as show
from latm.cli._completing import role_names, tunings
from latm.cli._say import guarded, note, print_json
from latm.cli._setting import ConfigOption, JsonOption, LibraryOption
from latm.cli._tune import SpecArgument, open_engine, tune
from latm.errors import nearest
from latm.tuner import TuningSpec
from latm.tuner.promotion import watch
from latm.tuner.training import Training

__all__ = ["tune"]

RunArgument = Annotated[
    str,
    typer.Argument(help="The run of a job, or the name of a tuning: its newest job.", autocompletion=tunings),
]
_ROLE = "The role: maker, user, dispatcher or fallback."


@tune.command("promote")
@guarded
def promote(
    file: SpecArgument,
    role: Annotated[str, typer.Option(help=_ROLE, autocompletion=role_names)],
    comparison: Annotated[int | None, typer.Option(help="Number of a comparison; else the newest.")] = None,
    on_synthetic: Annotated[
        bool, typer.Option("--on-synthetic", help="Synthetic texts, which flatter, are enough.")
    ] = False,
    library: LibraryOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Let the tuned model take a role's place, where a comparison shows that it is better; else ends with 1.

    Example: latm tune promote questions.toml --role dispatcher
    """
    spec = TuningSpec.load(file)
    with open_engine(config, library, create=False) as engine:
        before = engine.library.promotions().get(role)
        promoted = engine.tuning.promote(spec, role, comparison=comparison, on_synthetic=on_synthetic)
        own = engine.config.roles.get(role)
    if json_:
        print_json(show.promotion_record(promoted))
        return
    typer.echo(f"{role} is {promoted.model} in every engine that is opened from now on")
    replaced = before.model if before is not None else None if own is None else own.model
    if replaced is not None:
        note(f"in place of {replaced}, with which it was not compared as {role}", "yellow")
    note(f"latm tune demote {role} takes it back")


@tune.command("demote")
@guarded
def demote(
    role: Annotated[str, typer.Argument(help=_ROLE, autocompletion=role_names)],
    library: LibraryOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Take a role's promotion back; the one before it holds again, or the configured model.

    Example: latm tune demote dispatcher
    """
    with open_engine(config, library, create=False) as engine:
        before = engine.tuning.demote(role)
    if json_:
        print_json({"role": role, "promotion": None if before is None else show.promotion_record(before)})
    else:
        typer.echo(f"{role} is {'the configured model' if before is None else before.model} again")


@tune.command("status")
@guarded
def status(
    name: Annotated[
        str | None, typer.Argument(help="The name of a tuning; else all of them.", autocompletion=tunings)
    ] = None,
    library: LibraryOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """List the training jobs with what came of them, and the roles that tuned models have.

    Example: latm tune status complaints
    """
    with open_engine(config, library, create=False) as engine:
        jobs = engine.tuning.jobs(name)
        known = {each.name for each in (() if jobs else engine.tuning.jobs())}
        promotions = [each for each in engine.library.promotions().values() if name in {None, each.tuning}]
        said = watch(engine.library, now=datetime.now(UTC))
    if json_:
        print_json(show.status_record(jobs, promotions))
        return
    show.status(jobs, said if name is None else ())
    if known:
        note(f"there is no training job of {name!r}.{nearest(name or '', known)}")
    elif not jobs:
        note("no model was tuned yet; latm tune new FILE begins")


@tune.command("cancel")
@guarded
def cancel(
    run: RunArgument, library: LibraryOption = None, config: ConfigOption = None, json_: JsonOption = False
) -> None:
    """Stop a training job.

    Example: latm tune cancel complaints
    """
    with open_engine(config, library, create=False) as engine:
        _told(engine.tuning.cancel(run), json_=json_)


@tune.command("pause")
@guarded
def pause(
    run: RunArgument, library: LibraryOption = None, config: ConfigOption = None, json_: JsonOption = False
) -> None:
    """Let a training job rest, where its service can do that.

    Example: latm tune pause complaints
    """
    with open_engine(config, library, create=False) as engine:
        _told(engine.tuning.pause(run), json_=json_)


@tune.command("resume")
@guarded
def resume(
    run: RunArgument, library: LibraryOption = None, config: ConfigOption = None, json_: JsonOption = False
) -> None:
    """Let a training job go on that rests.

    Example: latm tune resume complaints
    """
    with open_engine(config, library, create=False) as engine:
        _told(engine.tuning.resume(run), json_=json_)


@tune.command("delete")
@guarded
def delete(
    model: Annotated[str, typer.Argument(help="The tuned model, PROVIDER:MODEL.")],
    library: LibraryOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Delete a tuned model where it is served; its comparisons are kept.

    Example: latm tune delete local:tuned/complaints-9a0ab839
    """
    with open_engine(config, library, create=False) as engine:
        gone = engine.tuning.delete(model)
    if json_:
        print_json({"model": gone.model, "run": gone.run})
    else:
        typer.echo(f"{gone.model} is deleted")


def _told(job: Training, *, json_: bool) -> None:
    if json_:
        print_json(show.job_record(job))
    else:
        typer.echo(f"{job.run} is {job.state.status}")
