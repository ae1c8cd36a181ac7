from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from latm import MissingDependency, Unavailable
from latm._plugins import Plugins
from latm.otel import OpenTelemetry
from latm.plugin import Message, Reply, Request, Usage
from unit.engine.desk import desk

sdk_trace = pytest.importorskip("opentelemetry.sdk.trace")
from opentelemetry.sdk.metrics import MeterProvider  # noqa: E402
from opentelemetry.sdk.metrics.export import InMemoryMetricReader  # noqa: E402
from opentelemetry.sdk.trace.export import SimpleSpanProcessor  # noqa: E402
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter  # noqa: E402
from opentelemetry.trace import SpanKind, StatusCode  # noqa: E402

SECRET = "what is the secret"
ASK = Request(messages=(Message("user", SECRET),), system="sys", max_output_tokens=9, temperature=0.5)
REPLY = Reply(
    text="nobody knows",
    usage=Usage(input=5, cache_read=3, cache_write=2, output=7),
    model="m-1",
    finish_reason="stop",
)


class Observed:
    """A desk whose events go to OpenTelemetry's own exporters in memory."""

    def __init__(self, tmp_path: Path, *, content: bool = False, told: bool = False, **config: Any) -> None:
        self.spans = InMemorySpanExporter()
        self.reader = InMemoryMetricReader()
        tracers = sdk_trace.TracerProvider()
        tracers.add_span_processor(SimpleSpanProcessor(self.spans))
        self.tracer = tracers.get_tracer("application")
        adapter = OpenTelemetry(
            tracer_provider=tracers,
            meter_provider=MeterProvider(metric_readers=[self.reader]),
            content=content,
        )
        self.place = desk(
            tmp_path, [Unavailable("down: secret", status=503), REPLY], events={"content": told}, **config
        )
        self.place.roles.events._hook = Plugins.load({"otel": adapter}, allow=frozenset()).event

    async def ask(self) -> None:
        await (await self.place.role()).complete(ASK, self.place.purpose(task="t"))
        await self.place.close()

    def points(self) -> Mapping[str, list[Any]]:
        data = self.reader.get_metrics_data()
        assert data is not None
        metrics = data.resource_metrics[0].scope_metrics[0].metrics
        return {metric.name: list(metric.data.data_points) for metric in metrics}


@pytest.mark.anyio
async def test_each_attempt_is_a_span_by_the_conventions(tmp_path: Path) -> None:
    seen = Observed(tmp_path)
    with seen.tracer.start_as_current_span("the application's") as outer:
        await seen.ask()
    failed, replied, _ = seen.spans.get_finished_spans()
    assert failed.name == replied.name == "chat m"
    assert failed.kind is replied.kind is SpanKind.CLIENT
    assert failed.parent is not None
    assert failed.parent.span_id == replied.parent.span_id == outer.get_span_context().span_id
    assert dict(replied.attributes) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "fake",
        "gen_ai.request.model": "m",
        "gen_ai.request.max_tokens": 9,
        "gen_ai.request.temperature": 0.5,
        "gen_ai.response.model": "m-1",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 7,
        "gen_ai.usage.cache_read.input_tokens": 3,
        "gen_ai.usage.cache_creation.input_tokens": 2,
        "latm.role": "maker",
        "latm.run": "r",
        "latm.task": "t",
        "latm.step": "s",
        "latm.attempt": 2,
        "latm.cost_usd": float(Decimal("0.000024")),
    }
    assert replied.status.status_code is StatusCode.UNSET
    assert failed.status.status_code is StatusCode.ERROR
    assert failed.attributes["error.type"] == "Unavailable"
    assert failed.attributes["http.response.status_code"] == 503
    assert failed.attributes["latm.attempt"] == 1
    assert "secret" not in f"{failed.to_json()}{replied.to_json()}"


@pytest.mark.anyio
async def test_tokens_and_seconds_are_counted(tmp_path: Path) -> None:
    seen = Observed(tmp_path)
    await seen.ask()
    points = seen.points()
    tokens = {each.attributes["gen_ai.token.type"]: each for each in points["gen_ai.client.token.usage"]}
    assert {kind: each.sum for kind, each in tokens.items()} == {"input": 10, "output": 7}
    assert tokens["input"].explicit_bounds[:3] == (1, 4, 16)
    failures = [each.attributes.get("error.type") for each in points["gen_ai.client.operation.duration"]]
    assert sorted(failures, key=str) == [None, "Unavailable"]


@pytest.mark.anyio
@pytest.mark.parametrize("content", [True, False])
@pytest.mark.parametrize("told", [True, False])
async def test_texts_are_told_only_where_both_switches_say_so(
    tmp_path: Path, *, content: bool, told: bool
) -> None:
    seen = Observed(tmp_path, content=content, told=told)
    await seen.ask()
    _, replied = seen.spans.get_finished_spans()
    assert (SECRET in replied.to_json()) == (content and told)
    if content and told:
        (turn,) = json.loads(replied.attributes["gen_ai.input.messages"])
        assert turn == {"role": "user", "parts": [{"type": "text", "content": SECRET}]}
        (reply,) = json.loads(replied.attributes["gen_ai.output.messages"])
        assert (reply["parts"][0]["content"], reply["finish_reason"]) == ("nobody knows", "stop")
        assert json.loads(replied.attributes["gen_ai.system_instructions"])[0]["content"] == "sys"
    shown = repr(seen.place.told)
    assert (SECRET in shown) == ("nobody knows" in shown) == told


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(MissingDependency, match=r"pip install 'latm\[otel\]'"):
        OpenTelemetry()
