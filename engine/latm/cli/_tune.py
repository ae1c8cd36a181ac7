"""``latm tune``: from a spec to a model in a role."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from latm._sync import Engine
from latm.cli import _tune_show as show
from latm.cli._completing import one_of, providers
from latm.cli._progress import TuningProgress
from latm.cli._ready import check_tuning
from latm.cli._say import KEPT, NOT_ACHIEVED, Interrupted, guarded, note, print_json
from latm.cli._setting import ConfigOption, JsonOption, LibraryOption, build_config, say_missing
from latm.cli._tune_new import write_new
from latm.cli._under import engine_under
from latm.config import LibraryConfig
from latm.errors import ConfigError
from latm.tuner import TuningSpec
from latm.tuner.training import TunedModel

tune = typer.Typer(
    no_args_is_help=True,
    help="Synthetic text, fine-tuning, an honest comparison, and promotion.\n\n"
    "Example, to begin with: latm tune new complaints.toml",
)

SpecArgument = Annotated[
    Path, typer.Argument(help="What is to be tuned: FILE.toml, as latm tune new writes it.")
]
DataOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--data",
        "-d",
        help='Labelled samples to measure with, JSON Lines: {"text": ..., "label": ...}; repeatable.',
    ),
]
MakerOption = Annotated[
    str | None,
    typer.Option("--maker", help="Model that writes the texts, PROVIDER:MODEL.", autocompletion=providers),
]
BaseOption = Annotated[
    str | None, typer.Option("--base", help="Model that is tuned, PROVIDER:MODEL.", autocompletion=providers)
]
TunerOption = Annotated[str | None, typer.Option("--tuner", help="Who tunes: local, openai, or a plugin's.")]
SamplesOption = Annotated[
    int | None, typer.Option("--samples", "-n", help="How many texts; else as many as the file says.", min=1)
]
HtmlOption = Annotated[Path | None, typer.Option("--html", help="Write a page to look at, too.")]
ModelOption = Annotated[
    list[str] | None,
    typer.Option("--model", help="A tuned model, PROVIDER:MODEL; repeatable.", autocompletion=providers),
]


@tune.command("new")
@guarded
def new(
    file: Annotated[Path, typer.Argument(help="The file to write, such as complaints.toml.")],
    label: Annotated[
        list[str] | None, typer.Option("--label", "-l", help="NAME or NAME=DESCRIPTION; repeatable.")
    ] = None,
    json_: JsonOption = False,
) -> None:
    """Write a file that describes a tuning, to be changed and then used.

    Example: latm tune new complaints.toml --label "billing=Invoices" --label "delivery=Late parcels"
    """
    write_new(file, label or [])
    if json_:
        print_json({"file": str(file)})
        return
    typer.echo(str(file))
    note(f"change it to what you need, then: latm tune synthesise {file}")


@tune.command("synthesise")
@guarded
def synthesise(
    file: SpecArgument,
    data: DataOption = None,
    samples: SamplesOption = None,
    maker: MakerOption = None,
    library: LibraryOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Have the maker write the labelled texts that are missing; none of those in --data is written again.

    Example: latm tune synthesise complaints.toml --maker anthropic:claude-opus-5
    """
    spec = _spec(file, maker=maker, samples=samples)
    with open_engine(config, library) as engine:
        written = engine.tuning.synthesise(spec, data=data or [])
    if json_:
        print_json(show.written_record(written))
        return
    show.written(written)
    note(f"latm tune review {file} says what is wrong with them")


@tune.command("review")
@guarded
def review(
    file: SpecArgument,
    data: DataOption = None,
    fix: Annotated[
        str | None,
        typer.Option(
            help="drop takes out what is better dropped; rewrite has others written as well.",
            autocompletion=one_of("drop", "rewrite"),
        ),
    ] = None,
    html: HtmlOption = None,
    maker: MakerOption = None,
    library: LibraryOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Say what is wrong with the training data, sample by sample; ends with 1 where training may not go on.

    Example: latm tune review complaints.toml --data validation.jsonl --html review.html
    """
    spec = _spec(file, maker=maker)
    try:
        with open_engine(config, library) as engine:
            found = engine.tuning.review(spec, data=data or [], fix=_fix(fix))
    except KeyboardInterrupt:
        if fix != "rewrite":
            raise
        # What was dropped is no finding of a second review, so that it would have nothing written.
        raise Interrupted(
            f"{KEPT}; latm tune synthesise {file} has texts written for those that were dropped by then"
        ) from None
    if html is not None:
        show.write_page(html, show.review_page(spec, found))
    if json_:
        print_json(show.review_record(found))
    else:
        show.reviewed(found)
    if html is not None:
        note(f"{html} is to look at")
    if not found.review.may_train:
        raise typer.Exit(NOT_ACHIEVED)


@tune.command("train")
@guarded
def train(
    file: SpecArgument,
    data: DataOption = None,
    samples: SamplesOption = None,
    tuner: TunerOption = None,
    base: BaseOption = None,
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="Come back as soon as the job is under way.")
    ] = False,
    afresh: Annotated[
        bool, typer.Option("--afresh", help="Give up what was begun of this very job.")
    ] = False,
    unreviewed: Annotated[
        bool, typer.Option("--unreviewed", help="Train whatever the review finds.")
    ] = False,
    library: LibraryOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Tune a model on the texts, or go on with that, or find that it is done.

    Examples: latm tune train complaints.toml · latm tune train complaints.toml --tuner openai --base
    openai:MODEL
    """
    spec = _spec(file, tuner=tuner, base=base)
    check_tuning(build_config(config, library=library), spec)
    with open_engine(config, library) as engine:
        came = engine.tuning.train(
            spec, data=data or [], samples=samples, follow=not no_wait, afresh=afresh, unreviewed=unreviewed
        )
    if json_:
        print_json(came.to_record() if isinstance(came, TunedModel) else show.job_record(came))
    elif isinstance(came, TunedModel):
        show.tuned(came)
        note(f"latm tune compare {file} --data FILE.jsonl compares it with {came.base}")
    else:
        typer.echo(f"{came.run}: {came.state.status}")
        note("the same command follows it; latm tune status shows how it stands")


@tune.command("compare")
@guarded
def compare(
    file: SpecArgument,
    data: DataOption = None,
    model: ModelOption = None,
    tuner: TunerOption = None,
    base: BaseOption = None,
    concurrency: Annotated[int, typer.Option(help="Questions at a time.", min=1)] = 8,
    afresh: Annotated[
        bool, typer.Option("--afresh", help="Ask all anew, also what was paid for before.")
    ] = False,
    html: HtmlOption = None,
    library: LibraryOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Compare the tuned models with their base on samples that none of them was trained on.

    Example: latm tune compare complaints.toml --data validation.jsonl --html comparison.html
    """
    spec = _spec(file, tuner=tuner, base=base)
    with open_engine(config, library, create=False) as engine:
        made = engine.tuning.compare(
            spec, data=data or [], models=model or [], concurrency=concurrency, afresh=afresh
        )
        models = engine.tuning.models(spec.name)
    if html is not None:
        show.write_page(html, show.comparison_page(made, models))
    if json_:
        print_json(show.compared_record(made))
        return
    show.compared(made)
    if html is not None:
        note(f"{html} is to look at")
    if better := made.comparison.better():
        talks = any(each.converses for each in models if each.model in better)
        place = "ROLE lets it take a role's place"
        only = "dispatcher lets it choose tools, where its labels are their names"
        note(f"latm tune promote {file} --role {place if talks else only}")


@tune.command("run")
@guarded
def tune_run(
    file: SpecArgument,
    data: DataOption = None,
    samples: SamplesOption = None,
    maker: MakerOption = None,
    base: BaseOption = None,
    tuner: TunerOption = None,
    html: HtmlOption = None,
    library: LibraryOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Write, review, train and compare, one after the other; what is done already is not done again.

    Example: latm tune run complaints.toml --maker anthropic:claude-opus-5 --base openai:MODEL --tuner openai
    --samples 15 --data validation.jsonl
    """
    spec = _spec(file, maker=maker, base=base, tuner=tuner, samples=samples)
    check_tuning(build_config(config, library=library), spec)
    with open_engine(config, library) as engine:
        done = engine.tuning.run(spec, data=data or [], samples=samples)
        spent = engine.ledger.total()
    if html is not None:
        show.write_page(html, show.comparison_page(done.compared, (done.tuned,)))
    if json_:
        print_json(show.run_record(done, spent))
        return
    show.run(done, spent)
    if html is not None:
        note(f"{html} is to look at")


@tune.command("label")
@guarded
def label(
    file: SpecArgument,
    text: Annotated[str, typer.Argument(help="The text; - reads it from standard input.")],
    model: Annotated[
        str | None,
        typer.Option(help="A tuned model, PROVIDER:MODEL; else the newest.", autocompletion=providers),
    ] = None,
    tuner: TunerOption = None,
    base: BaseOption = None,
    library: LibraryOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Ask a tuned model about a text; ends with 1 where it names no label.

    Example: latm tune label complaints.toml "My card was charged twice."
    """
    from latm.cli._solve import typed

    spec = _spec(file, tuner=tuner, base=base)
    with open_engine(config, library, create=False) as engine:
        said = engine.tuning.label(spec, typed(text), model=model)
    if json_:
        print_json(said)
    else:
        show.labelled(said)
    if said.label is None:
        raise typer.Exit(NOT_ACHIEVED)


@contextmanager
def open_engine(
    config: Path | None, library: str | None, *, create: bool = True
) -> Generator[Engine, None, None]:
    """The engine that a command works with; without `create` a library that is not there is not made."""
    settings = build_config(config, library=library)
    # Before the bars are drawn, which a line of another's would tear.
    if not create and say_missing(settings, library):
        settings = dataclasses.replace(settings, library=LibraryConfig(url="sqlite://"))
    with engine_under(TuningProgress(), settings) as engine:
        yield engine


def _fix(value: str | None) -> Any:
    if value not in {None, "drop", "rewrite"}:
        raise ConfigError(f"must be drop or rewrite, not {value!r}", where="--fix")
    return value


def _spec(
    file: Path,
    *,
    maker: str | None = None,
    base: str | None = None,
    tuner: str | None = None,
    samples: int | None = None,
) -> TuningSpec:
    """The spec of a file with the command's options laid over it."""
    spec = TuningSpec.load(file)
    return spec.chosen(maker=maker, base=base, tuner=tuner, samples=samples)
