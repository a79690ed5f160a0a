"""How often one phone may dial and press. Counted by its number, never by who brings the request: one
gateway brings everybody.

Presses are counted by the session itself: its turns over its age. Dials are counted in Redis, and only those
that meet a session of the same phone, or bring inputs without one: somebody's first dial is neither. So an
ordinary turn pays nothing.
"""

from core_ext.plain import FREE_TURNS
from ussd_engine.errors import StoreError
from ussd_engine.redis_store import Caller
from ussd_engine.sessions import NOW, Session, answer_by
from ussd_engine.settings import Settings

_WINDOW_S = 60


class Pace:
    """Says who is too quick."""

    def __init__(self, settings: Settings, redis: Caller) -> None:
        self._redis = redis
        self._dials = settings.max_dials_per_minute
        self._presses = settings.max_presses_per_minute

    def pressing_too_often(self, session: Session, now_ms: int) -> bool:
        """Whether this session has had more presses than its time allows."""
        if not self._presses or session.turn < FREE_TURNS:
            return False
        minutes = (now_ms - session.started) / 60_000
        return session.turn - FREE_TURNS >= minutes * self._presses

    async def dialling_too_often(self, msisdn: str) -> bool:
        """Count a dial, and say whether the last minute had too many. Who cannot be counted is let in: a
        server that fails over must not cost a dial, and the turn itself says so when Redis stays away.
        """
        if not self._dials:
            return False
        key = f"ussd-dials:{{{msisdn}}}"  # not among the sessions, which are listed by their keys
        self._redis.call("SET", key, 0, "EX", _WINDOW_S, "NX")  # in one write with what follows
        try:
            count: int = await answer_by(NOW, self._redis.call("INCR", key))
        except StoreError:
            return False
        return count > self._dials
