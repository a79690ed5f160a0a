"""Celery's signals, counted: tasks begun, ended and how, their times; and that workers and beat live.

A task that was begun and never ended was killed with its process: `started` less the ends is how many.
"""

import os
import time
from contextlib import AbstractContextManager
from typing import Any

from celery import signals

from services.monitoring.shared import BUCKETS, TALLY, Link
from ussd_engine.observe import tracing
from ussd_engine.settings import settings

_links: dict[int, Link] = {}
_began: dict[str, float] = {}
_spans: dict[str, AbstractContextManager[Any]] = {}
_of_beat: set[int] = set()


def connect() -> None:
    """Listen. Twice is as once."""
    signals.worker_process_init.connect(_child_begins)
    signals.worker_process_shutdown.connect(_child_ends)
    signals.task_prerun.connect(_begun)
    signals.task_success.connect(_succeeded)
    signals.task_failure.connect(_failed)
    signals.task_retry.connect(_again)
    signals.task_postrun.connect(_ended)
    signals.heartbeat_sent.connect(_worker_lives)
    signals.beat_init.connect(_beat_begins)
    signals.before_task_publish.connect(_published)


def bucket_of(seconds: float) -> str:
    """The upper bound that a time is counted under."""
    return next((str(bound) for bound in BUCKETS if seconds <= bound), "+Inf")


def link() -> Link:
    """This process's own: a connection does not survive a fork."""
    found = _links.get(os.getpid())
    if found is None:
        _links.clear()
        found = _links[os.getpid()] = Link(settings().redis_url)
    return found


def _begun(task_id: str, task: Any, **_: Any) -> None:
    _began[task_id] = time.monotonic()
    parent = str(getattr(task.request, tracing.HEADER, None) or "")
    _spans[task_id] = tracing.span(f"task {task.name}", "consumer", parent)
    _spans[task_id].__enter__()
    TALLY.add("tasks_started", task.name)
    link().flush()


def _succeeded(sender: Any, **_: Any) -> None:
    TALLY.add("tasks", sender.name, "done")


def _failed(sender: Any, **_: Any) -> None:
    TALLY.add("tasks", sender.name, "failed")


def _again(sender: Any, **_: Any) -> None:
    TALLY.add("tasks", sender.name, "again")


def _ended(task_id: str, task: Any, **_: Any) -> None:
    span = _spans.pop(task_id, None)
    if span is not None:
        span.__exit__(None, None, None)
    seconds = time.monotonic() - _began.pop(task_id, time.monotonic())
    TALLY.add("task_bucket", task.name, bucket_of(seconds))
    TALLY.add("task_seconds", task.name, by=seconds)
    link().flush()


def _child_begins(**_: Any) -> None:
    tracing.start("worker")


def _child_ends(**_: Any) -> None:
    tracing.stop()


def _worker_lives(**_: Any) -> None:
    link().alive("worker")


def _beat_begins(**_: Any) -> None:
    _of_beat.add(os.getpid())
    link().alive("beat")


def _published(**_: Any) -> None:
    if os.getpid() in _of_beat:
        link().alive("beat")
