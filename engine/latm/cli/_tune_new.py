"""``latm tune new``: a spec to start from."""

from __future__ import annotations

from pathlib import Path

from latm._records import slug
from latm.errors import ConfigError

_SPEC = """\
# What texts are to be told apart. What is needed is about, question and labels; all else may be left out.

about = "a customer's message to an online shop"       # what a text is
question = "What is the message about?"                # what the label says of it
samples = 60                # texts to write for training, spread evenly over the labels
held_out = 30               # texts to write apart, never trained on; a file of real ones measures better
language = "English"
words = [10, 150]           # fewest and most words of a text
seed = 0

# Each label with what belongs to it. Name what is close to another label and does not.
[labels]
{labels}
# A few real texts to write others like, if there are any:
# [[examples]]
# text = "..."
# label = {first}

# What the writer varies; without this table: persona, tone, channel and length.
# [attributes]
# tone = ["angry", "polite", "worried"]

[roles]
# maker = "anthropic:claude-opus-5"     # writes the texts; else the maker of latm.toml
# base = "openai:gpt-5.6-luna"          # is tuned, and compared with; else the tuner's own

[training]
tuner = "local"             # trains in seconds on this machine; "openai" tunes a model at its service
"""

_LABELS = {
    "delivery": "Parcels that are late, lost, damaged on the way or left at the wrong door.",
    "returns": "Sending goods back, exchanges, and refunds of what was sent back.",
    "payment": "Cards, invoices, vouchers and amounts that were charged wrongly or twice.",
    "product": "What a product is or does, sizes, and defects; not the damage of a parcel.",
}


def write_new(path: Path, labels: list[str]) -> None:
    """Write a spec that can be used as it is, and is meant to be changed.

    Args:
        path: the file; must not exist.
        labels: each ``name`` or ``name=description``; none for those of an example.

    Raises:
        ConfigError: the file exists or cannot be written, or a label is given twice.
    """
    chosen: dict[str, str] = {}
    for each in labels:
        name, _, about = each.partition("=")
        if name.strip() in chosen:
            raise ConfigError(f"{name.strip()!r} is given twice", where="--label")
        chosen[name.strip()] = about.strip() or f"Describe what belongs to {name.strip()}."
    chosen = chosen or _LABELS
    if len(chosen) == 1:
        raise ConfigError("one label alone: there is nothing to tell apart", where="--label")
    slug(path.stem)  # the tuning's name: refuse here what could not be read back
    text = _SPEC.format(
        labels="".join(f"{_quoted(name)} = {_quoted(about)}\n" for name, about in chosen.items()),
        first=_quoted(next(iter(chosen))),
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise ConfigError("is there already: change it, or choose another name", where=str(path)) from None
    except OSError as error:
        raise ConfigError(f"cannot be written: {error.strerror}", where=str(path)) from None


def _quoted(text: str) -> str:
    import json

    return json.dumps(text, ensure_ascii=False)
