"""What the cells are made of, as a user chooses it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, Self

from latm_sandbox.errors import ImageError

# A name, extras, versions and a marker. Nothing with a URL or a path: pip would build what is there.
_REQUIREMENT: Final = re.compile(
    r"[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?\s*(?:\[[\w.,\s-]*\])?\s*(?:\(?[<>=!~][\w\s.,<>=!~*+-]*\)?)?\s*(?:;[^@/\n]*)?",
    re.ASCII,
)
_INSTALLED: Final = re.compile(r"[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?\s*(?:\[[\w.,\s-]*\])?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image of the cells. Made by `from_host`, `reference` or `dockerfile`; nothing is built before use.

    Attributes:
        kind: where it comes from.
        packages: sorted requirements beside the running interpreter; only of kind ``host``.
        installed: sorted names of distributions that are copied from the host; only of kind ``host``.
        source: the reference, or the absolute path of a Dockerfile or of its directory; else empty.
    """

    kind: Literal["host", "reference", "dockerfile"] = "host"
    packages: tuple[str, ...] = ()
    installed: tuple[str, ...] = ()
    source: str = ""

    @classmethod
    def from_host(cls, packages: Iterable[str] = (), *, installed: Iterable[str] = ()) -> Self:
        """The running interpreter, with packages from an index, or with some that are installed here.

        Packages are wheels, fetched once on the host from the index that pip is configured for; cells still
        have no network. The image is found again by its requirements as they are written; one without a
        version keeps the version that was newest then.

        What is installed is copied, with all that it requires, so no index is asked. Its versions are part of
        the image's name: after an upgrade there is a new image.

        Args:
            packages: requirements such as ``sympy==1.13.3``; wheels only, no URLs and no paths.
            installed: names of distributions beside the running interpreter, such as ``hypothesis``, with
                extras or not, without versions.

        Raises:
            ImageError: one is no such requirement, or no name.
        """
        return cls(
            packages=_texts(packages, "packages", _REQUIREMENT, "write a name and a version: sympy==1.13.3"),
            installed=_texts(installed, "installed", _INSTALLED, "write its name alone, such as hypothesis"),
        )

    @classmethod
    def reference(cls, reference: str) -> Self:
        """An image that the engine has or can pull, such as ``python:3.13-slim``.

        Raises:
            ImageError: it is no text, or empty.
        """
        if not _text(reference):
            raise ImageError(
                f"an image's reference is a text such as 'python:3.13-slim', not {reference!r}",
                remedy="leave image= out to use the running interpreter",
            )
        return cls(kind="reference", source=reference)

    @classmethod
    def dockerfile(cls, path: str | os.PathLike[str]) -> Self:
        """What the engine builds of a Dockerfile; found again while it and its directory are unchanged.

        Args:
            path: the file, or the directory that has it; that directory is the build's context.
        """
        return cls(kind="dockerfile", source=os.path.abspath(path))  # noqa: PTH100 - pathlib costs an import


def _texts(given: Iterable[str], what: str, form: re.Pattern[str], remedy: str) -> tuple[str, ...]:
    if isinstance(given, str):
        raise ImageError(
            f"{what} is a list of requirements, not the text {given!r}", remedy=f"{what}=[{given!r}]"
        )
    texts: set[str] = set()
    for each in given:
        if not form.fullmatch(_text(each)):
            kind = "requirement of a package from an index" if what == "packages" else "distribution's name"
            raise ImageError(f"{each!r} is no {kind}", remedy=remedy)
        texts.add(_text(each))
    return tuple(sorted(texts))


def _text(given: object) -> str:
    """Without the space around it; empty when it is no text, since who calls may be untyped."""
    return given.strip() if isinstance(given, str) else ""


def as_image(image: object) -> Image:
    """What ``image=`` means: None, a reference, or an `Image`.

    Raises:
        ImageError: it is something else.
    """
    if image is None:
        return Image()
    if isinstance(image, Image):
        return image
    if isinstance(image, str):
        return Image.reference(image)
    raise ImageError(f"image is a reference such as 'python:3.13-slim', an Image or None, not {image!r}")
