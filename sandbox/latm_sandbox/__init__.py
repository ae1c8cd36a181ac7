"""Run untrusted Python functions in isolated cells."""

from dataclasses import dataclass

__all__ = ["LauncherSpec"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LauncherSpec:
    """Placeholder until the launcher room stands."""

    name: str
