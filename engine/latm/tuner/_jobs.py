"""Training jobs that there are, and what they are driven with."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from latm._threads import in_thread
from latm.errors import ConfigError, nearest
from latm.tuner._driving import Drive
from latm.tuner._means import Means
from latm.tuner.offers import Offer, find_again, open_tuner
from latm.tuner.training import trainings

if TYPE_CHECKING:
    from latm._roles import Roles
    from latm.tuner._runs import Training, TunedModel


@asynccontextmanager
async def means(roles: Roles, offer: Offer) -> AsyncGenerator[Means, None]:
    """What a job of a tuner is driven with, as long as the block lasts.

    Raises:
        LatmError: as of `open_tuner`.
    """
    from latm.tuner._billing import billing

    tuner = await in_thread(open_tuner, offer, roles)
    try:
        yield Means(
            tuner=tuner,
            offer=offer.tuner,
            library=roles.library,
            clock=roles.clock,
            events=roles.events,
            retry=roles.config.retry,
            bill=billing(roles),
        )
    finally:
        await tuner.aclose()


async def told(tell: Callable[..., Awaitable[Training]], run: str, roles: Roles) -> Training:
    """Cancel, pause or resume the job that is named, by its run or by the name of its tuning."""
    jobs = await in_thread(trainings, roles.library)
    those = [each for each in jobs if run in {each.run, each.name}]
    if not those:
        known = {name for each in jobs for name in (each.run, each.name)}
        raise ConfigError(f"there is no training job of {run!r}.{nearest(run, known)}")
    job = next((each for each in those if not each.over), those[0])
    async with means(roles, find_again(roles.plugins, job)) as found:
        return await tell(job.run, **found)


async def deleted(model: str, roles: Roles) -> TunedModel:
    """Delete a model where it is served, and write that down: whoever trains the same again, trains anew."""
    jobs = await in_thread(trainings, roles.library)
    job = next((each for each in jobs if each.model is not None and each.model.model == model), None)
    if job is None or job.model is None:
        known = [each.model.model for each in jobs if each.model is not None]
        raise ConfigError(f"no model {model!r} was tuned here.{nearest(model, known)}", where="model")
    for role, each in (await in_thread(roles.library.promotions)).items():
        if each.model == model:
            raise ConfigError(f"{model} is the {role}: take that back first (latm tune demote {role})")
    offer = find_again(roles.plugins, job)
    if not offer.tuner.capabilities.delete:
        raise ConfigError(f"the tuner {offer.tuner.name!r} cannot delete a model", where="model")
    async with means(roles, offer) as found:
        drive = Drive.of(job, job.asked(), found)
        await drive.tried(lambda: found["tuner"].delete(model.partition(":")[2]))
    # A step back must not lead to it.
    await in_thread(roles.library.withdraw, model)
    # A local model that was trained afresh has the name of the one before: that is gone with it.
    for other in jobs:
        if other.model is not None and other.model.model == model:
            gone = other.replace(step="failed", failure="its model was deleted", model=None)
            await in_thread(roles.library.keep_tuning, gone.run, gone.name, gone.to_record())
    return job.model
