"""Templates filled in."""

from __future__ import annotations

from latm.errors import MissingDependency
from latm.pages._texts import plain
from latm.pages._theme import COLOURS


def render(folder: str, template: str, **values: object) -> str:
    """Fill in a template; every value is escaped, unless it is markup already, and goes through `plain`.

    Args:
        folder: the package that has the template beside its ``__init__``, as ``latm.tuner._pages``.
        template: the file's name. It extends ``base.html``, which has the style and says what there is to
            use.
        values: what it is given; one that it names and is not given is an error.

    Raises:
        MissingDependency: jinja2 is not installed.
    """
    try:
        import jinja2
    except ImportError:
        raise MissingDependency("a page", module="jinja2", extra="report") from None
    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader(
            [jinja2.PackageLoader(folder, ""), jinja2.PackageLoader("latm.pages", "")]
        ),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return plain(environment.get_template(template).render(**values, colours=COLOURS))
