"""What is to be run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Program:
    """Python source, and the function to call in it.

    Nothing is looked at here: source that does not load gives an `Outcome` with `Status.invalid`.

    Attributes:
        source: the text of a module. It is executed anew for every call.
        function: which function `call` calls; needed only when the source has more than one public function.

    Raises:
        TypeError: the source or the name is not a text.
    """

    source: str
    function: str | None = None

    def __post_init__(self) -> None:
        source: object = self.source  # callers without a type checker pass what they like
        function: object = self.function
        if type(source) is not str:
            raise TypeError(f"source is a text, not {type(source).__name__}")
        if function is not None and type(function) is not str:
            raise TypeError(f"function is a name or None, not {type(function).__name__}")
