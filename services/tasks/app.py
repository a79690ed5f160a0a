"""The Celery app: `services.tasks.app:celery`. Run it with `ussd worker` and `ussd beat`.

A task may run twice: it is acknowledged after its work, and given again when its worker was lost. So
correctness comes from PostgreSQL, never from Celery, and losing the broker loses no money action.

Every queue a task is routed to is declared in QUEUES, and a worker reads all declared queues unless it
is told otherwise. A task of another module is added to MODULES.
"""

from celery import Celery
from kombu.entity import Queue

from services.tasks.schedule import SCHEDULE
from ussd_engine.settings import Settings, settings

DEFAULT_QUEUE = "upkeep"
QUEUES = (DEFAULT_QUEUE,)
ROUTES = {"services.tasks.upkeep.*": {"queue": "upkeep"}}
MODULES = ("services.tasks.upkeep",)

LONGEST_TASK_S = 300
# Redis gives an unacknowledged task to another worker after this; it must outlast any task.
VISIBILITY_TIMEOUT_S = 3600


def broker_url(chosen: Settings) -> str:
    """Where tasks wait. kombu says redis+socket:// and virtual_host= where redis-py says unix:// and db=."""
    url = chosen.celery_broker_url or chosen.redis_url
    if not url.startswith("unix://"):
        return url
    path, _, query = url.removeprefix("unix://").partition("?")
    database = next((pair[3:] for pair in query.split("&") if pair.startswith("db=")), "0")
    return f"redis+socket://{path}?virtual_host={database}"


def make(chosen: Settings) -> Celery:
    """The app with these settings."""
    app = Celery("umoja", broker=broker_url(chosen), include=list(MODULES))
    app.conf.update(
        task_queues=[Queue(name) for name in QUEUES],  # type: ignore[no-untyped-call]
        task_default_queue=DEFAULT_QUEUE,
        task_routes=ROUTES,
        task_create_missing_queues=False,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        task_ignore_result=True,
        task_time_limit=LONGEST_TASK_S,
        task_serializer="json",
        accept_content=["json"],
        broker_transport_options={"visibility_timeout": VISIBILITY_TIMEOUT_S},
        broker_connection_retry_on_startup=True,
        timezone="Africa/Nairobi",
        enable_utc=True,
        beat_schedule=SCHEDULE,
        worker_hijack_root_logger=False,
    )
    return app


celery = make(settings())
