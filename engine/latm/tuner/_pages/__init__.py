"""Pages of the tuner: one file each, which asks for nothing from anywhere."""

from __future__ import annotations

from latm.errors import MissingDependency


def render(template: str, **values: object) -> str:
    """Fill in a template of this folder; every value is escaped, unless it is markup already.

    Args:
        template: the file's name. It extends ``base.html``, which has the style and says what there is to
            use.
        values: what it is given.

    Raises:
        MissingDependency: jinja2 is not installed.
    """
    try:
        import jinja2
    except ImportError:
        raise MissingDependency("a page", module="jinja2", extra="report") from None
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("latm.tuner", "_pages"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(**values)
