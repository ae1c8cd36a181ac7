"""The conformance checks of a provider."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from latm.plugin import ProviderSpec
from latm.testing._examination import Examination
from latm.testing._fresh import examine_afresh
from latm.testing._scenario import Report, Scenario

__all__ = ["check_provider"]

# What an author may arrange besides, what is looked at then, and how to arrange it.
_WISHES: Final[Mapping[str, str]] = {
    "silent": "timeouts, cancellation and closing (a scenario with silent=True)",
    "calls": "calls of functions (a scenario with calls=)",
    "served": "how many requests are made (served= of the plain scenario)",
    "connections": "whether connections are left open (connections= of the silent scenario)",
    "carried": "metadata that go back to the service (a scenario with carried=)",
}


async def check_provider(
    spec: ProviderSpec,
    scenarios: Mapping[str, Scenario],
    *,
    module: str | None = None,
    sdk: str | None = None,
) -> Report:
    """Judge a provider in the situations that its author arranged.

    Never raises for the provider's sake: all that goes wrong is a failed check. What was not arranged is not
    looked at, and the report says so.

    Args:
        spec: the provider.
        scenarios: by a name for the report. The first plain one (no ``expect``, ``silent`` or ``carried``) is
            used by the general checks; there must be one.
        module: the plugin's module, as it is imported. It is then looked at in fresh processes as well: what
            importing it costs and prints, and what is left of a call.
        sdk: the module of the SDK that the provider imports when a backend is made: it must not be imported
            before, and `MissingDependency` must come of its absence. Needs ``module``.

    Raises:
        ValueError: no scenario is plain.
    """
    plain = next((one for one in scenarios.values() if one.plain), None)
    if plain is None:
        raise ValueError("one scenario must be plain: neither expect nor silent nor carried")
    examination = Examination(spec)
    with examination.found.listening():
        await examination.before_any_request(plain)
        await examination.ordinary_use(plain)
        for name, scenario in scenarios.items():
            if scenario.silent:
                await examination.silent(name, scenario)
            elif scenario.carried is not None:
                await examination.conversation(name, scenario)
            elif scenario is not plain:
                await examination.outcome(name, scenario)
        if module is not None:
            await examine_afresh(examination, plain, module=module, sdk=sdk)
    examination.found.hygiene()
    left_out = [
        wish for name, wish in _WISHES.items() if not any(getattr(one, name) for one in scenarios.values())
    ]
    if module is None:
        left_out.append("importing, printing and threads in a fresh process (module=)")
    if sdk is None or module is None:
        left_out.append("a missing SDK (module= and sdk=)")
    return Report(spec.name, tuple(examination.found.checks), tuple(left_out))
