"""Promotion: a tuned model takes a role's place, on the word of a comparison, and can be stepped back."""

from __future__ import annotations

import dataclasses
from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from latm._records import slug
from latm.config import ROLES, Config, RoleConfig
from latm.errors import ConfigError, TuningFailed, nearest

if TYPE_CHECKING:
    from latm._events import Events
    from latm.library import Library, Promotion
    from latm.tuner.comparison import Comparison
    from latm.tuner.training import TunedModel

DISPATCHER = "dispatcher"
SOON = timedelta(days=30)
"""How long before a model expires it is said."""


def check_role(role: str) -> None:
    """Refuse a role that there is not.

    Raises:
        ConfigError: names the nearest one.
    """
    if role not in ROLES:
        raise ConfigError(f"no such role: {role!r}.{nearest(role, ROLES)}", where="role")


def promote(
    library: Library, *, role: str, tuned: TunedModel, comparison: Comparison, number: int, now: datetime
) -> Promotion:
    """Write into the library that a tuned model fills a role from now on.

    Args:
        library: whose engines will read it.
        role: one of the roles.
        tuned: the model.
        comparison: of it with its base.
        number: of the comparison in the library.
        now: the time.

    Raises:
        ConfigError: there is no such role, or the model cannot fill it.
        TuningFailed: the comparison does not show that the model is better, or the model has expired.
    """
    from latm.library import Promotion

    check_role(role)
    if tuned.model not in comparison.better():
        raise TuningFailed(
            f"comparison {number} does not show that {tuned.model} is better than its base, so it is not "
            f"promoted: {comparison.verdict}",
            name=tuned.name,
            run=tuned.run,
        )
    if not tuned.converses:
        _check_labels(library, role, tuned)
    promotion = Promotion(
        role=role,
        model=tuned.model,
        tuning=tuned.name,
        comparison=number,
        expires=None if tuned.expires is None else datetime.fromisoformat(tuned.expires),
    )
    if promotion.expired(now):
        raise TuningFailed(
            f"{tuned.model} expired on {promotion.expires:%Y-%m-%d}", name=tuned.name, run=tuned.run
        )
    library.promote(promotion)
    return promotion


def worthy(comparison: Comparison, *, number: int, name: str, on_synthetic: bool) -> tuple[str, ...]:
    """The models that a comparison allows to promote, the best one first.

    Args:
        comparison: of tuned models with their base.
        number: of it in the library.
        name: of the tuning.
        on_synthetic: whether synthetic texts, which flatter, are enough.

    Raises:
        TuningFailed: there is none: none is better than its base, or has more right than the majority class;
            or there were synthetic texts alone.
    """
    better = comparison.better()
    if not better:
        raise TuningFailed(
            f"comparison {number} shows no tuned model better than its base, so none is promoted: "
            f"{comparison.verdict}",
            name=name,
        )
    if not on_synthetic and all(each.synthetic for each in comparison.deciding):
        raise TuningFailed(
            f"comparison {number} was on synthetic texts alone, which flatter: compare on real samples "
            "(--data FILE), or say that these are enough (--on-synthetic)",
            name=name,
        )
    right = _right(comparison)
    majority = next((right[each.name] for each in comparison.contenders if each.kind == "majority"), 0)
    names = {each.model: each.name for each in comparison.contenders if each.kind == "tuned"}
    found = tuple(model for model in better if right[names[model]] > majority)
    if not found:
        best = right[names[better[0]]]
        raise TuningFailed(
            f"in comparison {number} {better[0]} is better than its base, and has no more right than who "
            f"always says the commonest label: {best} against {majority}",
            name=name,
        )
    return found


def _right(comparison: Comparison) -> Counter[str]:
    """How much each contender has right on the deciding sets together."""
    deciding = {each.name for each in comparison.deciding}
    right: Counter[str] = Counter()
    for each in comparison.scores:
        right[each.contender] += each.right if each.set in deciding else 0
    return right


def _check_labels(library: Library, role: str, tuned: TunedModel) -> None:
    """A model that only picks labels can dispatch, and only among tools that its labels name."""
    if role != DISPATCHER:
        raise ConfigError(
            f"{tuned.model} only picks labels, it cannot write: it can be the dispatcher and nothing else",
            where="role",
        )
    names = set(library.names())
    if not any(_named(label) in names for label in tuned.labels):
        shown = ", ".join(sorted(names)[:5]) or "it holds none"
        raise ConfigError(
            f"none of the labels of {tuned.model} ({', '.join(tuned.labels)}) is a tool of the library "
            f"({shown}): as a dispatcher it would never choose one",
            where="role",
        )


def _named(label: str) -> str:
    try:
        return slug(label)
    except ConfigError:
        return ""


def with_promotions(config: Config, library: Library, *, now: datetime, events: Events) -> Config:
    """The configuration with the models that were promoted in their roles.

    A role that is pinned keeps its own model, and so does one whose promoted model has expired, which is told
    as the event ``role.expired``.
    """
    roles: dict[str, RoleConfig] = dict(config.roles)
    for role, promotion in library.promotions().items():
        own = roles.get(role)
        if role not in ROLES or (own is not None and own.pinned):
            continue
        if promotion.expired(now):
            events.tell("role.expired", role=role, model=promotion.model, tuning=promotion.tuning)
            continue
        model = promotion.model
        roles[role] = RoleConfig(model=model) if own is None else dataclasses.replace(own, model=model)
        events.tell("role.promoted", role=role, model=model, tuning=promotion.tuning)
    if roles == config.roles:
        return config
    tree: dict[str, Any] = {item.name: getattr(config, item.name) for item in dataclasses.fields(config)}
    tree["roles"] = roles
    return Config(**tree)


def watch(library: Library, *, now: datetime) -> tuple[tuple[str, bool], ...]:
    """What there is to say about promoted models: a sentence for each, and whether all is well with it."""
    found: list[tuple[str, bool]] = []
    for role, each in sorted(library.promotions().items()):
        said = f"{role} is {each.model}, promoted by comparison {each.comparison} of {each.tuning}"
        back = f"latm tune demote {role} takes it back"
        if each.expires is None:
            found.append((said, True))
        elif each.expired(now):
            ended = f"{said}, expired on {each.expires:%Y-%m-%d}: the configured model serves"
            found.append((f"{ended}; {back}", False))
        else:
            well = each.expires - now > SOON
            rest = "" if well else "; tune another one before that, or " + back
            found.append((f"{said}, expires on {each.expires:%Y-%m-%d}{rest}", well))
    return tuple(found)
