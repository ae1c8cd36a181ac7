"""The functions of tools, as a call has to know them."""

from __future__ import annotations

from functools import lru_cache

from latm._signature import Parameter, Signature, signature_of


@lru_cache(maxsize=256)
def signature_in(source: str, function: str) -> Signature:
    """The signature of a tool's function; one that takes anything where the source does not say.

    Kept, since a source is read anew for every question else.
    """
    anything = (Parameter("args", place="args"), Parameter("kwargs", place="kwargs"))
    found = signature_of(source, function)
    return Signature(function, anything) if found is None else found
