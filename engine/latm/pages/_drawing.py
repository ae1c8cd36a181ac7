"""Plots of matplotlib's as SVG that takes the colours of the page it stands on."""

from __future__ import annotations

import io
import re
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from latm.errors import MissingDependency
from latm.pages._texts import plain
from latm.pages._theme import COLOURS, SERIES, colour

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SVG = "http://www.w3.org/2000/svg"
_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif"
_MARGIN = 8  # points around a plot that is a file of its own
_PIXELS_OF_A_POINT = 4 / 3
_PAINTED = ("fill", "stroke")
_OF = {light: name for name, (light, _) in COLOURS.items()}
_WHOLE = threading.Lock()  # matplotlib's settings and Python's warnings are those of the process


def draw(
    paint: Callable[[Figure], None],
    *,
    name: str,
    title: str,
    description: str,
    size: tuple[float, float] = (4.8, 3.0),
    alone: bool = False,
) -> str:
    """A plot as SVG: the same text for the same data, texts as texts, no ground of its own.

    Args:
        paint: puts it on an empty figure, in the house's style. Colours are those of `latm.pages.colour`;
            another one is the same on a light page and on a dark one. A text that a user wrote goes through
            `latm.pages.plain`; ``$`` is a dollar. Give a legend its lines and its texts: by itself it leaves
            out a text that begins with an underscore.
        name: begins the ids; no two plots of a page have the same. Small letters, digits and hyphens.
        title: what it is, for who does not see it.
        description: what there is to be seen, likewise.
        size: in inches. Letters stay readable on a phone up to a width of about five.
        alone: make a file of its own, with a ground, which follows the viewer's light or dark.

    Returns:
        The ``svg`` element, as markup that a template does not escape.

    Raises:
        MissingDependency: matplotlib is not installed.
        ValueError: the name is no such name.
    """
    if not re.fullmatch("[a-z][a-z0-9-]*", name):
        raise ValueError(f"no name of a plot: {name!r}")
    try:
        import matplotlib.style
        from markupsafe import Markup
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingDependency("a plot", module="matplotlib", extra="report") from None
    raw = io.StringIO()
    with _WHOLE, warnings.catch_warnings():
        # The letters are drawn by the browser, which has more of them than matplotlib's font.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font", category=UserWarning)
        with matplotlib.style.context(["default", _style()]):
            figure = Figure(figsize=size, layout="constrained")
            paint(figure)
            figure.savefig(raw, format="svg", transparent=True)  # pyright: ignore[reportUnknownMemberType]
    # matplotlib escapes what XML has a way to escape, and writes the rest as it is.
    root = ET.fromstring(plain(raw.getvalue()))  # noqa: S314 - written just now
    return Markup(_finished(root, name, title, description, alone=alone))  # noqa: S704 - ET escapes


def _style() -> dict[str, object]:
    from matplotlib.rcsetup import cycler  # pyright: ignore[reportUnknownVariableType]

    return {
        "svg.fonttype": "none",  # texts, not outlines: small, to be searched and read out
        "svg.hashsalt": "latm",
        "text.parse_math": False,
        "font.size": 9.5,
        "text.color": colour("text"),
        "axes.labelcolor": colour("quiet"),
        "axes.edgecolor": colour("quiet"),
        "axes.facecolor": "none",
        "axes.grid": True,
        "axes.axisbelow": True,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.prop_cycle": cycler(color=[colour(each) for each in SERIES]),
        "figure.facecolor": "none",
        "grid.color": colour("line"),
        "legend.frameon": False,
        "lines.linewidth": 1.8,
        "xtick.color": colour("quiet"),
        "ytick.color": colour("quiet"),
    }


def _finished(root: ET.Element, name: str, title: str, description: str, *, alone: bool) -> str:
    """The file of matplotlib's without its namespaces, styles and metadata, in the page's colours."""
    for each in root.iter():
        each.tag = each.tag.rpartition("}")[2]
        each.attrib = {key.rpartition("}")[2]: value for key, value in each.attrib.items()}
        each.tail = None
        if each.tag != "text":
            each.text = None
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in ("metadata", "style"):  # its style would hold for all of the page
                parent.remove(child)
    _own_ids(root, name)
    for each in root.iter():
        _coloured(each, alone=alone)
    margin = _MARGIN if alone else 0
    width, height = (float(each) + 2 * margin for each in root.attrib["viewBox"].split()[2:])
    told = {f"{name}-title": ("title", title), f"{name}-description": ("desc", description)}
    root.attrib = {
        "xmlns": _SVG,
        "viewBox": f"{-margin} {-margin} {width:g} {height:g}",
        "width": f"{width * _PIXELS_OF_A_POINT:.0f}",
        "height": f"{height * _PIXELS_OF_A_POINT:.0f}",
        "role": "img",
        "aria-labelledby": " ".join(told),
        "font-family": _FONT,
        "stroke-linejoin": "round",
        "stroke-linecap": "butt",
    }
    if alone:
        ground = {"x": f"{-margin}", "y": f"{-margin}", "width": f"{width:g}", "height": f"{height:g}"}
        root.insert(0, ET.Element("rect", _painted({**ground, "rx": f"{margin}"}, "raised")))
        style = ET.Element("style")
        style.text = _dark(root)
        root.insert(0, style)
    for place, (id_, (tag, text)) in enumerate(told.items()):
        element = ET.Element(tag, {"id": id_})
        element.text = plain(text)
        root.insert(place, element)
    return ET.tostring(root, encoding="unicode")


def _own_ids(root: ET.Element, name: str) -> None:
    """Keep the ids that something refers to, and let no other plot of a page have them."""
    refers = re.compile(r"url\(#([^)]*)\)")
    used = {
        each for element in root.iter() for value in element.attrib.values() for each in refers.findall(value)
    }
    used |= {each.attrib["href"].removeprefix("#") for each in root.iter() if "href" in each.attrib}
    ids = {each: f"{name}-{number}" for number, each in enumerate(sorted(used), start=1)}
    for element in root.iter():
        found = dict(element.attrib)
        id_ = found.pop("id", None)
        if id_ in ids:
            found["id"] = ids[id_]
        if "href" in found:
            found["href"] = "#" + ids[found["href"].removeprefix("#")]
        element.attrib = {
            key: refers.sub(lambda match: f"url(#{ids[match[1]]})", value) for key, value in found.items()
        }


def _coloured(element: ET.Element, *, alone: bool) -> None:
    """Give an element the page's colours instead of those that matplotlib drew it with."""
    if "style" not in element.attrib:
        return
    kept: list[str] = []
    for key, value in _declarations(element.attrib.pop("style")):
        named = _OF.get(value) if key in _PAINTED else None
        if key == "font-family":  # that of the page
            continue
        if named is None:
            kept.append(f"{key}: {value}")
        elif alone:
            # An attribute, which the style of the file goes over: what knows no style shows it, too.
            element.attrib = _painted(element.attrib, named, key, value)
        else:
            kept.append(f"{key}: var(--{named})")
    if kept:
        element.attrib["style"] = "; ".join(kept)


def _painted(attributes: Mapping[str, str], named: str, key: str = "fill", value: str = "") -> dict[str, str]:
    classes = f"{attributes.get('class', '')} {key}-{named}".strip()
    return {**attributes, key: value or colour(named), "class": classes}


def _declarations(style: str) -> Iterator[tuple[str, str]]:
    for each in style.split(";"):
        key, _, value = each.partition(":")
        if value:
            yield key.strip(), value.strip()


def _dark(root: ET.Element) -> str:
    used = {each for element in root.iter() for each in element.get("class", "").split()}
    rules = "".join(
        f".{key}-{name}{{{key}:{dark}}}"
        for name, (_, dark) in COLOURS.items()
        for key in _PAINTED
        if f"{key}-{name}" in used
    )
    return f"@media (prefers-color-scheme: dark){{{rules}}}"
