"""The Celery app: `services.tasks.app:celery`. Run it with `ussd worker` and `ussd beat`.

A task may run twice: it is acknowledged after its work, and given again when its worker was lost. So
correctness comes from PostgreSQL, never from Celery, and losing the broker loses no money action.

Every queue a task is routed to is declared in QUEUES, and a worker reads all declared queues unless it
is told otherwise. A task of another module is added to MODULES.
"""

from typing import Any
from urllib.parse import quote

from celery import Celery
from celery.signals import setup_logging
from kombu.entity import Queue
from redis.backoff import NoBackoff
from redis.retry import Retry

from services.monitoring import tasks as counted
from services.tasks.schedule import SCHEDULE
from ussd_engine.errors import SettingsError
from ussd_engine.observe import setup_logging as log_safely
from ussd_engine.redis_place import Kind, place, shown
from ussd_engine.settings import Settings, settings

DEFAULT_QUEUE = "upkeep"
MONEY, SMS, SCORING = "money", "sms", "scoring"
QUEUES = (DEFAULT_QUEUE, MONEY, SMS, SCORING)
ROUTES = {
    "services.tasks.upkeep.*": {"queue": DEFAULT_QUEUE},
    "services.tasks.lending.close_days": {"queue": DEFAULT_QUEUE},
    "services.tasks.lending.rescore": {"queue": SCORING},
    "services.tasks.money.*": {"queue": MONEY},
    "services.tasks.reconciling.*": {"queue": MONEY},
    "services.tasks.reporting.*": {"queue": DEFAULT_QUEUE},
    "services.tasks.sms.*": {"queue": SMS},
    "services.tasks.menus.*": {"queue": DEFAULT_QUEUE},
    "services.tasks.figures.*": {"queue": DEFAULT_QUEUE},
}
MODULES = tuple(
    f"services.tasks.{name}"
    for name in ("upkeep", "lending", "money", "reconciling", "reporting", "sms", "menus", "figures")
)

LONGEST_TASK_S = 300
# Redis gives an unacknowledged task to another worker after this; it must outlast any task.
VISIBILITY_TIMEOUT_S = 3600


def broker(chosen: Settings) -> dict[str, Any]:
    """Where tasks wait, in Celery's words: `broker_url` and what belongs to it. Raises SettingsError."""
    url = chosen.celery_broker_url or chosen.redis_url
    transport: dict[str, Any] = {"visibility_timeout": VISIBILITY_TIMEOUT_S}
    if url.startswith("redis+socket://"):
        return {"broker_url": url, "broker_transport_options": transport}
    where = place(url)
    if where.kind is Kind.CLUSTER:
        raise SettingsError(
            "REDIS_URL is a Redis Cluster, and tasks cannot wait in one. Set CELERY_BROKER_URL to a Redis of"
            " their own: redis://…, or redis+sentinel://…"
        )
    options = where.options
    if where.path:
        urls = [f"redis+socket://{where.path}?virtual_host={options['db']}"]
    else:
        user, password = (quote(str(options.get(name, "")), safe="") for name in ("username", "password"))
        credentials = f"{user}:{password}@" if user or password else ""
        scheme = "sentinel" if where.kind is Kind.SENTINEL else "redis"
        urls = [f"{scheme}://{credentials}{shown(host)}/{options['db']}" for host in where.hosts]
    if where.kind is Kind.SENTINEL:
        # One that is away must not be tried again and again: there are others.
        impatient = {"socket_timeout": 1.0, "socket_connect_timeout": 1.0, "retry": Retry(NoBackoff(), 0)}
        transport |= {"master_name": where.master, "sentinel_kwargs": {**where.sentinel_options, **impatient}}
    found = {"broker_url": ";".join(urls), "broker_transport_options": transport}
    if options.get("ssl"):  # said in full: with less Celery would trust any certificate
        named = {name: value for name, value in options.items() if name.startswith("ssl_")}
        found["broker_use_ssl"] = {"ssl_cert_reqs": "required"} | named
    return found


def make(chosen: Settings) -> Celery:
    """The app with these settings."""
    app = Celery("umoja", include=list(MODULES))
    tasks_wait = broker(chosen)
    app.conf.update(
        **tasks_wait,
        # Celery reads CELERY_BROKER_URL by itself, in its own words only; these it asks first.
        broker_read_url=tasks_wait["broker_url"],
        broker_write_url=tasks_wait["broker_url"],
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
        broker_connection_retry_on_startup=True,
        timezone="Africa/Nairobi",
        enable_utc=True,
        beat_schedule=SCHEDULE,
        worker_hijack_root_logger=False,
    )
    return app


@setup_logging.connect  # type: ignore[untyped-decorator]
def _logs(**_: Any) -> None:
    """Workers and beat log as the server does: a JSON object a line, with nothing private in it."""
    log_safely(settings())


counted.connect()
celery = make(settings())
