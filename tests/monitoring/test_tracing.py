"""Spans: off they are nothing; on, a request, its task and what they ask of others are one trace."""

import asyncio
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from services import outbox
from services.tasks import relay
from tests.api.conftest import Api
from ussd_engine.observe import tracing


class Collector:
    """Takes spans by OTLP over HTTP, as a collector does."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        self.url = ""

    async def __aenter__(self) -> "Collector":
        app = web.Application()
        app.router.add_post("/v1/traces", self._take)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        held = ExportTraceServiceRequest.FromString(await request.read())
        for resource in held.resource_spans:
            for scope in resource.scope_spans:
                self.spans += scope.spans
        return web.Response()


@pytest.fixture
def stopped() -> Iterator[None]:
    yield
    tracing.stop()


def test_off_a_span_is_one_and_the_same_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(tracing.ENDPOINT, raising=False)
    tracing.start("test")
    assert tracing.span("a") is tracing.span("b", "client", request_id="x")
    assert tracing.traceparent() == ""


async def test_a_request_and_what_it_leaves_in_the_outbox_are_one_trace(
    api: Api, monkeypatch: pytest.MonkeyPatch, stopped: None
) -> None:
    async with Collector() as collector:
        monkeypatch.setenv(tracing.ENDPOINT, collector.url)
        tracing.start("test")
        assert (await api.as_("viewer").get("/reports")).status_code == 200
        with tracing.span("a cause"):
            async with api.pool.acquire() as connection:
                await outbox.put(connection, "a-key", outbox.SMS, {"sms_id": 7})
        payload = await api.pool.fetchval("select payload::text from outbox where key = 'a-key'")
        sent: dict[str, Any] = {}

        class Sender:
            """Where the relay sends tasks."""

            class conf:
                broker_transport_options: dict[str, Any] = {}  # noqa: RUF012 - Celery's own is one too

            @staticmethod
            def send_task(name: str, **said: Any) -> None:
                sent.update(said, name=name)

        relay.publisher(Sender)(3, outbox.SMS, payload.encode())
        assert sent["kwargs"] == {"row": 3, "sms_id": 7}
        with tracing.span("its task", "consumer", sent["headers"][tracing.HEADER]):
            pass
        with pytest.raises(ValueError, match="254712345678"), tracing.span("a failure"):
            raise ValueError("key (msisdn)=(254712345678) is there")
        await asyncio.to_thread(tracing.stop)

    spans = {span.name: span for span in collector.spans}
    assert {"GET /api/v1/reports", "a cause", "its task"} <= set(spans)
    assert spans["a failure"].status.message == "ValueError"
    assert "254712345678" not in str(spans["a failure"])
    assert spans["its task"].trace_id == spans["a cause"].trace_id
    assert spans["its task"].parent_span_id == spans["a cause"].span_id
    assert orjson.loads(payload)[tracing.HEADER].split("-")[1] == spans["a cause"].trace_id.hex()
