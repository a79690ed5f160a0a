"""ussd_airflow_engine 0.0.8.3, the nearest peer: menus in YAML, answered by Flask under gunicorn.

The library is synchronous and ships no web server; its users give it a view of a WSGI application. Here it is
a Flask view that hands over the last input, as its Django view did, and says CON or END before the text. The
journey lies in its own YamlJourneyStore, the session in Redis through the RedisStore of simplekv, both as
its documentation has them. gunicorn runs one worker with threads, so that connections stay open.

In its favour: Flask instead of Django, hiredis beside redis-py, no log below warning. Left out: reports of
sessions (Celery), retries, a comparison of revisions. It runs in a virtual environment of its own, because
it needs old versions, and with the shims of shims.py.
"""

import logging
import os
import tempfile
from pathlib import Path

import redis
import shims
import structlog
import yaml
from flask import Flask, Response, request
from simplekv.memory.redisstore import RedisStore

shims.install()

from ussd.core import UssdEngine, UssdRequest  # noqa: E402
from ussd.store.journey_store.YamlJourneyStore import YamlJourneyStore  # noqa: E402

TTL_S = 180
JOURNEY, VERSION = "bench", "1"

structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))


def _journeys() -> YamlJourneyStore:
    """The journey, saved through the library, which checks it."""
    store = YamlJourneyStore(
        journey_directory=tempfile.mkdtemp(prefix="journeys", dir=os.environ["RIVAL_DATA"])
    )
    journey = yaml.safe_load((Path(__file__).parent / "journey.yml").read_text(encoding="utf-8"))
    store.save(JOURNEY, journey, VERSION)
    return store


app = Flask(__name__)
sessions = RedisStore(redis.Redis.from_url(os.environ["RIVAL_REDIS_URL"]))
sessions.default_ttl_secs = TTL_S
journeys = _journeys()


@app.post("/api/v1/ussd")
def ussd() -> Response:
    """One press on a phone."""
    form = request.form
    answer = UssdEngine(
        UssdRequest(
            form["sessionId"],
            form["phoneNumber"],
            form["text"].rpartition("*")[2],
            "en",
            journey_name=JOURNEY,
            journey_version=VERSION,
            journey_store=journeys,
            session_store_backend=sessions,
            expiry=TTL_S,
            service_code=form["serviceCode"],
        )
    ).ussd_dispatcher()
    text = answer.dumps().rstrip("\n")
    return Response(f"{'CON' if answer.status else 'END'} {text}", mimetype="text/plain")
