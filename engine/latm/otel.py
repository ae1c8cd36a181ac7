"""Traces and metrics of model calls, by the GenAI semantic conventions of OpenTelemetry.

Needs ``pip install 'latm[otel]'``, and an SDK and exporter of the application's own choice::

    from latm import Config, Engine
    from latm.otel import OpenTelemetry

    engine = Engine(Config.load("latm.toml"), plugins={"otel": OpenTelemetry()})

Each attempt of a call is a span ``chat MODEL`` under whichever span is current, and counts in the histograms
``gen_ai.client.operation.duration`` and ``gen_ai.client.token.usage``. Texts are left out; see ``content``.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast, final

from latm.errors import MissingDependency
from latm.plugin import Message, Usage, hookimpl

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

__all__ = ["OpenTelemetry"]

_ATTEMPTS = frozenset({"model.replied", "model.retry", "model.failed"})
# The boundaries that the conventions ask for.
_SECONDS = [0.01 * 2**power for power in range(14)]
_TOKENS = [4.0**power for power in range(14)]


@final
class OpenTelemetry:
    """A plugin that tells OpenTelemetry of every attempt of a model's call.

    Args:
        tracer_provider: where spans go; the global one if None.
        meter_provider: where metrics go; the global one if None.
        content: whether spans hold the texts of requests and replies. It takes ``[events] content = true`` in
            the configuration as well.

    Raises:
        MissingDependency: OpenTelemetry's API is not installed.
    """

    def __init__(
        self,
        *,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        content: bool = False,
    ) -> None:
        try:
            from opentelemetry import metrics, trace
        except ImportError:
            raise MissingDependency("latm.otel", module="opentelemetry", extra="otel") from None
        self._content = content
        self._trace = trace
        self._tracer = trace.get_tracer("latm", tracer_provider=tracer_provider)
        meter = metrics.get_meter("latm", meter_provider=meter_provider)
        self._duration = meter.create_histogram(
            "gen_ai.client.operation.duration",
            unit="s",
            description="GenAI operation duration.",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        self._tokens = meter.create_histogram(
            "gen_ai.client.token.usage",
            unit="{token}",
            description="Number of input and output tokens used.",
            explicit_bucket_boundaries_advisory=_TOKENS,
        )

    @hookimpl
    def latm_event(self, name: str, fields: Mapping[str, object]) -> None:
        """Make a span of an attempt that just ended, and count it."""
        if name not in _ATTEMPTS:
            return
        known = _known(fields)
        error = fields.get("error_type")
        if error is not None:
            known["error.type"] = str(error)
        seconds = cast("float", fields["seconds"])
        self._duration.record(seconds, known)
        usage = fields.get("usage")
        more: dict[str, Any] = {}
        if isinstance(usage, Usage):
            read = usage.input + usage.cache_read + usage.cache_write
            self._tokens.record(read, {**known, "gen_ai.token.type": "input"})
            self._tokens.record(usage.output, {**known, "gen_ai.token.type": "output"})
            more = _spent(usage, read)
        if self._content:
            more |= _texts(fields)
        end = time.time_ns()
        span = self._tracer.start_span(
            f"chat {known['gen_ai.request.model']}",
            kind=self._trace.SpanKind.CLIENT,
            start_time=end - int(seconds * 1e9),
            attributes={**known, **_particulars(fields), **more},
        )
        if error is not None:
            # Without the message: it may quote what the service replied.
            span.set_status(self._trace.StatusCode.ERROR)
        span.end(end)


def _known(fields: Mapping[str, object]) -> dict[str, Any]:
    """What every measurement is told by; few values each, so that metrics stay small."""
    provider, _, model = str(fields["model"]).partition(":")
    known: dict[str, Any] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": provider,
        "gen_ai.request.model": model,
    }
    if fields.get("response_model"):
        known["gen_ai.response.model"] = fields["response_model"]
    return known


def _particulars(fields: Mapping[str, object]) -> dict[str, Any]:
    cost, reason = fields.get("cost_usd"), fields.get("finish_reason")
    found = {
        "gen_ai.request.max_tokens": fields.get("max_output_tokens"),
        "gen_ai.request.temperature": fields.get("temperature"),
        "gen_ai.response.finish_reasons": None if reason is None else [reason],
        "http.response.status_code": fields.get("status"),
        "latm.role": fields.get("role"),
        "latm.run": fields.get("run"),
        "latm.task": fields.get("task"),
        "latm.step": fields.get("step"),
        "latm.attempt": fields.get("attempt"),
        "latm.cost_usd": None if cost is None else float(str(cost)),
    }
    return {name: value for name, value in found.items() if value is not None}


def _spent(usage: Usage, read: int) -> dict[str, Any]:
    return {
        "gen_ai.usage.input_tokens": read,
        "gen_ai.usage.output_tokens": usage.output,
        "gen_ai.usage.cache_read.input_tokens": usage.cache_read,
        "gen_ai.usage.cache_creation.input_tokens": usage.cache_write,
    }


def _texts(fields: Mapping[str, object]) -> dict[str, Any]:
    """The conversation in the conventions' JSON; nothing where the event does not hold it."""
    if "messages" not in fields:
        return {}
    turns = cast("Sequence[Message]", fields["messages"])
    texts: dict[str, Any] = {
        "gen_ai.input.messages": json.dumps([{"role": turn.role, **_parts(turn.text)} for turn in turns])
    }
    if fields.get("system") is not None:
        texts["gen_ai.system_instructions"] = json.dumps(_parts(str(fields["system"]))["parts"])
    if fields.get("reply") is not None:
        reply = {"role": "assistant", **_parts(str(fields["reply"]))}
        texts["gen_ai.output.messages"] = json.dumps([{**reply, "finish_reason": fields["finish_reason"]}])
    return texts


def _parts(text: str) -> dict[str, Any]:
    return {"parts": [{"type": "text", "content": text}]}
