"""Plugins: a provider with options, and one with a tuner."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from latm.plugin import (
    Backend,
    Capabilities,
    ProviderSpec,
    Reply,
    Request,
    Truncated,
    Tuned,
    Tuner,
    TunerSpec,
    TuningJob,
    TuningState,
    Unavailable,
    Usage,
    hookimpl,
    parse_retry_after,
    read_options,
    status_error,
)


@dataclass(frozen=True, kw_only=True)
class Options:
    api_key: str | None = field(default=None, repr=False)
    status: int = 200


class Echo:
    def __init__(self, model: str, options: Mapping[str, object]) -> None:
        self._model = model
        self._options = read_options(Options, options, where="providers.echo")

    async def complete(self, request: Request) -> Reply:
        if self._options.status != 200:
            raise status_error(self._options.status, "no", retry_after=parse_retry_after("3"))
        text = request.messages[-1].text
        reply = Reply(text=text, usage=Usage(input=1, output=1), model=self._model)
        if request.max_output_tokens is not None and request.max_output_tokens < len(text):
            raise Truncated("cut", reply=reply)
        return reply

    async def aclose(self) -> None:
        pass


class Trainer:
    async def prepare(self, job: TuningJob, state: TuningState, *, again: bool) -> TuningState:
        return replace(state, status="prepared")

    async def submit(self, job: TuningJob, state: TuningState, *, again: bool) -> TuningState:
        return replace(state, status="running", data={"job": job.run})

    async def poll(self, job: TuningJob, state: TuningState) -> TuningState:
        return replace(state, status="succeeded")

    async def cancel(self, job: TuningJob, state: TuningState) -> TuningState:
        raise Unavailable("it cannot be reached", sent=False)

    async def resolve(self, job: TuningJob, state: TuningState) -> Tuned:
        return Tuned(model=f"tuned-{job.name}")

    async def delete(self, model: str) -> None:
        pass

    async def aclose(self) -> None:
        pass


def create(model: str, options: Mapping[str, object]) -> Backend:
    return Echo(model, options)


def create_tuner(options: Mapping[str, object]) -> Tuner:
    return Trainer()


@hookimpl
def latm_providers() -> list[ProviderSpec]:
    return [ProviderSpec(name="echo", create=create, key_env="ECHO_API_KEY", options=Options)]


@hookimpl
def latm_tuners() -> list[TunerSpec]:
    return [TunerSpec(name="echo", create=create_tuner, capabilities=Capabilities(cancel=True))]


@hookimpl
def latm_price(model: str, usage: Usage) -> Decimal | None:
    return Decimal(0) if model.startswith("echo:") else None
