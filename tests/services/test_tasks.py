import asyncio
import os
import sys
from asyncio.subprocess import PIPE, STDOUT
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from celery.schedules import crontab

from services import once, outbox
from services.clock import NAIROBI
from services.tasks import app
from services.tasks import topics as topics_module
from services.tasks.app import MODULES, QUEUES, broker, celery
from services.tasks.upkeep import forget_dialogs
from tests.services.world import Phone, count
from ussd_engine.errors import SettingsError
from ussd_engine.settings import Settings

celery.loader.import_default_modules()
TASKS = [name for name in celery.tasks if name.startswith("services.")]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("redis://cache:6379/3", "redis://cache:6379/3"),
        ("unix:///run/redis.sock?db=4", "redis+socket:///run/redis.sock?virtual_host=4"),
        ("unix:///run/redis.sock", "redis+socket:///run/redis.sock?virtual_host=0"),
    ],
)
def test_the_broker_is_the_same_redis_in_celerys_words(url: str, said: str) -> None:
    assert broker(Settings(redis_url=url))["broker_url"] == said
    assert broker(Settings(redis_url="redis://other", celery_broker_url=url))["broker_url"] == said


def test_the_master_the_sentinels_name_may_be_the_broker() -> None:
    url = "rediss+sentinel://me:p%40ss@one,two:7/tasks/2?sentinel_password=theirs&ssl_ca_certs=/ca.pem"
    said = broker(Settings(redis_url=url))
    theirs = said["broker_transport_options"]["sentinel_kwargs"]
    for impatience in ("socket_timeout", "socket_connect_timeout", "retry"):
        del theirs[impatience]
    assert said == {
        "broker_url": "sentinel://me:p%40ss@one:26379/2;sentinel://me:p%40ss@two:7/2",
        "broker_transport_options": {
            "visibility_timeout": 3600,
            "master_name": "tasks",
            "sentinel_kwargs": {"password": "theirs", "ssl": True, "ssl_ca_certs": "/ca.pem"},
        },
        "broker_use_ssl": {"ssl_cert_reqs": "required", "ssl_ca_certs": "/ca.pem"},
    }


def test_a_broker_by_tls_is_only_trusted_with_a_certificate() -> None:
    app_ = app.make(Settings(redis_url="rediss://cache/1"))
    assert app_.connection().ssl == {"ssl_cert_reqs": "required"}


def test_celery_is_told_the_broker_in_its_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CELERY_BROKER_URL", "unix:///run/redis.sock?db=4")
    made = app.make(Settings())
    for connection in (made.connection_for_read(), made.connection_for_write()):
        assert connection.hostname == "socket:///run/redis.sock?virtual_host=4"


def test_a_cluster_is_no_broker() -> None:
    with pytest.raises(SettingsError, match="Set CELERY_BROKER_URL"):
        broker(Settings(redis_url="redis+cluster://one,two"))
    one = Settings(redis_url="redis+cluster://one,two", celery_broker_url="redis://other")
    assert broker(one)["broker_url"] == "redis://other:6379/0"


def test_every_task_goes_to_a_queue_the_worker_reads() -> None:
    read = set(celery.amqp.queues.keys())

    assert TASKS
    assert read == set(QUEUES)
    for name in TASKS:
        assert celery.amqp.router.route({}, name)["queue"].name in read


def test_a_route_to_a_queue_nobody_reads_is_an_error() -> None:
    with pytest.raises(Exception, match="nowhere"):
        celery.amqp.router.route({"queue": "nowhere"}, TASKS[0])


def test_every_beat_entry_names_a_task_there_is() -> None:
    assert {entry["task"] for entry in celery.conf.beat_schedule.values()} <= set(TASKS)


FIRES_A_DAY = {
    "prune": 1,
    "forget": 24 * 6,
    "sweep": 24 * 60,
    "figures": 24 * 60,
    "months": 1,
    "pull": 24 * 4,
    "pull_all": 1,
    "balance": 24 * 4,
    "close_days": 24 * 6,
    "remind": 9,
    "rescore": 2,
    "crb": 8,
    "retain": 2,
    "reconcile": 3,
    "reports": 8,
}
EVERY_MINUTE = {"sweep", "figures"}  # those that say so


def test_every_beat_entry_fires_as_often_as_is_meant_by_nairobis_clock() -> None:
    assert str(celery.conf.timezone) == "Africa/Nairobi"
    schedules = {name: entry["schedule"] for name, entry in celery.conf.beat_schedule.items()}
    assert all(isinstance(schedule, crontab) for schedule in schedules.values())
    assert {name: len(each.hour) * len(each.minute) for name, each in schedules.items()} == FIRES_A_DAY
    assert {name for name, each in schedules.items() if len(each.minute) == 60} == EVERY_MINUTE
    prune = schedules["prune"]
    prune.nowfun = lambda: datetime(2026, 11, 23, 12, tzinfo=NAIROBI)
    left = prune.remaining_estimate(datetime(2026, 11, 23, 3, 10, tzinfo=NAIROBI))
    assert left.total_seconds() == (15 * 60 + 10) * 60  # noon to ten past three, tomorrow


def test_a_tick_that_nobody_took_is_dropped_before_the_next_days() -> None:
    for entry in celery.conf.beat_schedule.values():
        assert 0 < entry["options"]["expires"] <= 6 * 3600


def test_every_topic_of_the_outbox_has_its_task() -> None:
    sql = {"PUT", "DONE", "IS_DONE", "AGAIN", "BACKLOG"}
    said = {getattr(outbox, name) for name in vars(outbox) if name.isupper() and name not in sql}
    assert said == set(topics_module.TASKS)
    assert set(topics_module.TASKS.values()) <= set(TASKS)


def test_a_task_is_not_lost_with_its_worker() -> None:
    conf = celery.conf
    assert (conf.task_acks_late, conf.task_reject_on_worker_lost) == (True, True)
    assert conf.worker_prefetch_multiplier == 1
    assert conf.broker_transport_options["visibility_timeout"] > conf.task_time_limit
    assert conf.include == MODULES or tuple(conf.include) == MODULES


async def age(pool: Any, by: str) -> None:
    """Make the newest answer that old, and staged PINs too."""
    await pool.execute(
        "update action_result set created_at = now() - $1::text::interval"
        " where key = (select max(key) from action_result)",
        by,
    )
    await pool.execute("update pin_stage set expires_at = now() - interval '1 second'")


async def test_what_was_typed_is_forgotten_within_the_hour_and_the_answer_is_not(
    phone: Phone, pg_url: str
) -> None:
    typed = {"state": "join", "vars": {"full_name": "Wanjiru Kamau", "national_id": "12345678"}}
    phone.checkpoint = {"doing": "join", "dialog": typed}
    await phone.join()
    await phone.do("borrowers.choose_pin", pin="4826")
    session = phone.gateway, phone.session
    assert len(await once.effects_of(phone.pool, *session)) == 4
    await phone.pool.execute("update action_result set created_at = now() - interval '29 minutes'")
    await age(phone.pool, "31 minutes")

    assert await forget_dialogs(pg_url) == {"checkpoints": 1, "pins": 1}
    assert await forget_dialogs(pg_url) == {"checkpoints": 0, "pins": 0}
    assert len(await once.effects_of(phone.pool, *session)) == 3
    await phone.pool.execute("update action_result set created_at = now() - interval '31 minutes'")
    assert (await forget_dialogs(pg_url))["checkpoints"] == 3

    kept = await phone.pool.fetch("select action_result::text as line from action_result")
    assert len(kept) == 4
    assert not any("12345678" in row["line"] for row in kept)


async def test_a_worker_takes_the_job_from_redis_and_does_it(
    borrower: Phone, pg_url: str, redis_url: str, repository: Path
) -> None:
    await age(borrower.pool, "31 days")
    sender = app.make(Settings(redis_url=redis_url))
    sender.send_task("services.tasks.upkeep.retain")
    sender.close()
    environment = {**os.environ, "DATABASE_URL": pg_url, "REDIS_URL": redis_url, "CELERY_BROKER_URL": ""}
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "celery", "-A", "services.tasks.app:celery", "worker", "--pool=solo",
        "--loglevel=INFO", "--without-gossip", "--without-mingle",
        cwd=repository, env=environment, stdout=PIPE, stderr=STDOUT,
    )  # fmt: skip
    said = b""
    try:
        assert worker.stdout is not None
        async with asyncio.timeout(60):
            while b"succeeded in" not in said and (line := await worker.stdout.readline()):
                said += line
    finally:
        worker.terminate()
        await worker.communicate()

    assert b"succeeded in" in said, said.decode()
    assert await count(borrower.pool, "action_result") == 2
