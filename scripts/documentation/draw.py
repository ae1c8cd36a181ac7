"""Draw docs/diagrams/*.dot as SVG beside them, with Graphviz: `python scripts/documentation/draw.py`.

Graphviz lays out; colours are ours, as one style sheet that knows light and dark, so that a picture can
stand on any page. A picture ends with the digest of its text and of itself: a test tells whether either was
changed alone, without needing Graphviz.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from pathlib import Path

DIAGRAMS = Path(__file__).resolve().parents[2] / "docs" / "diagrams"
STYLE = """<style>
svg { color-scheme: light dark }
text { fill: #1f2933; stroke: none; font-family: system-ui, -apple-system, Roboto, Helvetica, sans-serif }
.node path, .node polygon, .node ellipse { fill: #ffffff; stroke: #8a97a6 }
.strong path, .strong polygon { fill: #fde8d4; stroke: #c0682a }
.cheap path, .cheap polygon { fill: #dcf0e3; stroke: #3c8a5b }
.cell path, .cell polygon { fill: #e0e7fb; stroke: #4a63b8 }
.kept path, .kept polygon { fill: #f3e6f7; stroke: #8a4f9e }
.bad path, .bad polygon { fill: #fbe0e0; stroke: #b54545 }
.cluster path, .cluster polygon { fill: #f4f6f8; stroke: #c5cdd6 }
.cluster text { fill: #52606d }
.edge path { fill: none; stroke: #697785 }
.edge polygon { fill: #697785; stroke: #697785 }
.edge text { fill: #414d5a }
@media (prefers-color-scheme: dark) {
text { fill: #e4e9ee }
.node path, .node polygon, .node ellipse { fill: #272c35; stroke: #8592a1 }
.strong path, .strong polygon { fill: #4b3220; stroke: #dd8f55 }
.cheap path, .cheap polygon { fill: #1f3d2c; stroke: #68b78a }
.cell path, .cell polygon { fill: #27345f; stroke: #8ea3ea }
.kept path, .kept polygon { fill: #402a49; stroke: #bf8ad2 }
.bad path, .bad polygon { fill: #4d2727; stroke: #de8080 }
.cluster path, .cluster polygon { fill: #1b1f26; stroke: #414a56 }
.cluster text { fill: #a9b4c0 }
.edge path { stroke: #98a4b1 }
.edge polygon { fill: #98a4b1; stroke: #98a4b1 }
.edge text { fill: #c3ccd6 }
}
</style>"""
DIGEST = re.compile(r"<!-- drawn from (\S+) by scripts/documentation/draw\.py: ([0-9a-f]{64}) -->\n\Z")
COLOURS = re.compile(r' (?:fill|stroke|font-family)="[^"]*"')
FROM_DOT = re.compile(r"<\?xml.*?(?=<svg)", re.DOTALL)
COMMENTS = re.compile(r"<!--.*?-->\n?", re.DOTALL)
BACKGROUND = re.compile(r"<polygon [^>]*/>\n")


def picture(source: Path) -> str:
    """The SVG of a diagram.

    Raises:
        SystemExit: Graphviz is not there, or cannot read the diagram; says what to do.
    """
    text = source.read_text(encoding="utf-8")
    try:
        done = subprocess.run(["dot", "-Tsvg"], input=text, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise SystemExit("dot is not there. On Debian or Ubuntu: apt-get install graphviz") from None
    if done.returncode != 0 or done.stderr:
        raise SystemExit(f"{source}: {done.stderr.strip()}")
    drawn = COMMENTS.sub("", FROM_DOT.sub("", done.stdout))
    drawn = BACKGROUND.sub("", COLOURS.sub("", drawn), count=1)
    drawn = drawn.replace("<g id=", f"{STYLE}\n<g id=", 1)
    return (
        f"{drawn}<!-- drawn from {source.name} by scripts/documentation/draw.py: {digest(text, drawn)} -->\n"
    )


def digest(text: str, drawn: str) -> str:
    """What a diagram's text and its picture come to together."""
    return hashlib.sha256(f"{text}\0{drawn}".encode()).hexdigest()


def stale(source: Path) -> str | None:
    """What is wrong with the picture beside a diagram; None if nothing is."""
    target = source.with_suffix(".svg")
    if not target.is_file():
        return f"{target.name} is not there"
    svg = target.read_text(encoding="utf-8")
    found = DIGEST.search(svg)
    if found is None or found[1] != source.name:
        return f"{target.name} does not say what it was drawn from"
    if found[2] != digest(source.read_text(encoding="utf-8"), svg[: found.start()]):
        return f"{target.name} was not drawn from this {source.name}"
    return None


def main() -> None:
    """Draw every diagram, and say which pictures changed."""
    for source in sorted(DIAGRAMS.glob("*.dot")):
        target = source.with_suffix(".svg")
        svg = picture(source)
        if not target.is_file() or target.read_text(encoding="utf-8") != svg:
            target.write_text(svg, encoding="utf-8")
            print(target.relative_to(DIAGRAMS.parents[1]), file=sys.stderr)


if __name__ == "__main__":
    main()
