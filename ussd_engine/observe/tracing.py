"""OpenTelemetry, where OTEL_EXPORTER_OTLP_ENDPOINT is set; without it a span costs a look at a variable.

    with tracing.span("daraja b2c", kind="client"):
        …

Nothing that a phone typed and no number, name or secret is an attribute. A plain turn has no span: the
histograms tell of it. Needs the extra `otel`.
"""

# ruff: noqa: PLC0415 - OpenTelemetry is an extra, and slow to import: only who uses it does

import contextlib
import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any, Literal

from ussd_engine.errors import SettingsError

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
HEADER = "traceparent"
Kind = Literal["internal", "server", "client", "producer", "consumer"]

_OFF: AbstractContextManager[Any] = contextlib.nullcontext()
_tracer: Any = None
_provider: Any = None


def start(process: str) -> None:
    """Begin, in a process of this kind, if there is somewhere to send spans to. Not before a fork: the
    thread that sends them would be left behind. Raises SettingsError without the extra."""
    global _tracer, _provider  # noqa: PLW0603 - one a process is the point
    if not os.environ.get(ENDPOINT) or _tracer is not None:
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise SettingsError(f"{ENDPOINT} needs the extra: pip install 'umoja-ussd[otel]'") from None
    named = {"service.name": os.environ.get("OTEL_SERVICE_NAME", f"umoja-{process}")}
    _provider = TracerProvider(resource=Resource.create(named))
    _provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    _tracer = _provider.get_tracer("umoja")


def stop() -> None:
    """Send what is left, and end."""
    global _tracer, _provider  # noqa: PLW0603 - see start
    if _provider is not None:
        _provider.shutdown()
    _tracer = _provider = None


def span(
    name: str, kind: Kind = "internal", parent: str = "", **attributes: str | int
) -> AbstractContextManager[Any]:
    """A span around a block; one that raises is marked as failed. parent: a `traceparent` from elsewhere."""
    return _OFF if _tracer is None else _span(name, kind, parent, attributes)


@contextlib.contextmanager
def _span(name: str, kind: Kind, parent: str, attributes: Mapping[str, str | int]) -> Iterator[Any]:
    """Of an error its type is told: its message may quote a row, with a name or a number in it."""
    from opentelemetry.trace import SpanKind, StatusCode

    with _tracer.start_as_current_span(
        name,
        context=_context({HEADER: parent}) if parent else None,
        kind=SpanKind[kind.upper()],
        attributes=attributes,
        record_exception=False,
        set_status_on_exception=False,
    ) as made:
        try:
            yield made
        except Exception as error:
            made.set_status(StatusCode.ERROR, type(error).__name__)
            raise


def traceparent() -> str:
    """What names the present span elsewhere; empty when there is none."""
    if _tracer is None:
        return ""
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    held: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(held)
    return held.get(HEADER, "")


def _context(held: Mapping[str, str]) -> Any:
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    return TraceContextTextMapPropagator().extract(held)
