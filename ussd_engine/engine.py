"""One turn: load, step, act, save, answer.

The reply is sent only after the session is saved. Whoever loses the compare-and-set loads again: its
press was a duplicate, and it gets the stored reply. A turn that needs an action claims the session
first, so that a duplicate waits; if the claimant dies, the next request takes over when the claim has
run out, and the action's idempotency key keeps its effect single.

The fast lane drives `handle` without a task (see core_ext/lane.py): so it awaits futures only, and what
needs a task (time limits, actions, the database) is given one.
"""

import asyncio
import contextlib
import time
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

import structlog

from core_ext.dialog import END, NEED, SHOW, Dialog, Result
from core_ext.program import ProgramFault
from ussd_engine.acting import ANSWER_MARGIN_S, Actor, Overtaken, Run, Watch
from ussd_engine.actions import LATE
from ussd_engine.arrival import Arrival, Kind, arrival, split
from ussd_engine.bundles import Bundle, Bundles
from ussd_engine.errors import BundleError, MenuError, StoreError
from ussd_engine.limits import within
from ussd_engine.menu.messages import DEFAULTS
from ussd_engine.observe.board import Board
from ussd_engine.pace import Pace
from ussd_engine.plugin import Service
from ussd_engine.recovery import WENT_ON, Lost, LostSessions
from ussd_engine.redis_store import Store, open_store
from ussd_engine.sessions import Session, Sessions
from ussd_engine.settings import Settings
from ussd_engine.turn import Reply, SessionEvent, Turn

log = structlog.get_logger("ussd.engine")

_MAX_RACES = 20
_FIRST_POLL_S = 0.01
_LONGEST_POLL_S = 0.2
T = TypeVar("T")


class Engine:
    """Answers turns. Build one with `open_engine`."""

    def __init__(
        self, settings: Settings, store: Store, bundles: Bundles, board: Board, watch: Watch | None = None
    ) -> None:
        """watch: called with (msisdn, kind, **fields) for each turn, in development; it sees no secret."""
        self.settings = settings
        self.bundles = bundles
        self.board = board
        self.store = store
        self.sessions = Sessions(store, settings.secret.get_secret_value(), settings.max_session)
        self._actor = Actor(settings, self.sessions, board, watch)
        self.lost = LostSessions(settings.recent_sessions)
        self._pace = Pace(settings, store)
        self._watch = watch

    async def handle(self, turn: Turn) -> Reply:
        """Answer one request of a gateway. A phone always gets a sentence: nothing is raised."""
        started = time.monotonic()
        try:
            return await self._handle(turn, started + turn.deadline_s)
        except StoreError as error:
            self.board.faults.labels("store").inc()
            log.error("turn failed: store", error=str(error), msisdn=turn.msisdn)
        except (ProgramFault, BundleError, ValueError) as error:
            self.board.faults.labels("program").inc()
            log.error("turn failed: program", error=str(error), msisdn=turn.msisdn)
        except TimeoutError as error:
            self.board.faults.labels("late").inc()
            log.error("turn failed: late", error=str(error), msisdn=turn.msisdn)
        except Exception:
            self.board.faults.labels("server").inc()
            log.exception("turn failed", msisdn=turn.msisdn)
        return Reply(self._sentence("fault", turn), more=False)

    @property
    def watched(self) -> bool:
        """Whether each turn is reported to a development phone."""
        return self._watch is not None

    def note(self, event: SessionEvent) -> None:
        """A gateway's notice that a session is over. It changes no session."""
        self.board.funnel.over(event)
        if self._watch is not None:
            self._watch(event.msisdn, "over", status=event.status, hops=event.hops)

    async def ready(self) -> dict[str, str]:
        """What is wrong with each thing the engine needs; empty when it can serve."""
        problems: dict[str, str] = {}
        try:
            await self.store.ping()
        except StoreError as error:
            problems["redis"] = str(error)
        problems |= await self.bundles.problems()
        return problems

    def limping(self) -> dict[str, str]:
        """What is away in part: a node of a Redis Cluster, while the others serve their subscribers."""
        away = self.store.away()
        return {"redis": away} if away else {}

    async def close(self) -> None:
        """Close everything `open_engine` opened."""
        await self.bundles.close()
        await self.store.close()

    # -- one turn ------------------------------------------------------------------------------

    async def _handle(self, turn: Turn, deadline: float) -> Reply:
        live = self.bundles.for_code(turn.service_code)
        if live is None:
            return Reply(self._sentence("unknown_code", turn), more=False)
        pause = _FIRST_POLL_S
        raced = False
        for _ in range(_MAX_RACES):
            session, profile = await self.sessions.load(
                turn.msisdn, turn.service_code, live.service, deadline - ANSWER_MARGIN_S
            )
            meant = arrival(turn, session, self.sessions.digest, _now_ms(), raced=raced)
            while meant.kind is Kind.WAIT:
                if time.monotonic() + pause > deadline:
                    return Reply(live.program.sentence(LATE, _language(session, live)), more=False)
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_POLL_S)
                session, profile = await self.sessions.load(
                    turn.msisdn, turn.service_code, live.service, deadline - ANSWER_MARGIN_S
                )
                meant = arrival(turn, session, self.sessions.digest, _now_ms(), raced=True)
            if meant.kind is Kind.AGAIN:
                assert session is not None
                self.board.duplicates.inc()
                if self._watch is not None:
                    self._watch(turn.msisdn, "repeat")
                return Reply(session.reply, session.more)
            if await self._too_often(turn, session, meant):
                self.board.throttled.inc()
                return Reply(live.program.sentence("too_often", _language(session, live)), more=False)
            try:
                return await self._run(turn, live, session, profile, meant, deadline)
            except Overtaken:
                raced = True
        raise StoreError("the session changed under this turn again and again")

    async def _too_often(self, turn: Turn, session: Session | None, meant: Arrival) -> bool:
        if meant.kind is Kind.GO_ON:
            return session is not None and self._pace.pressing_too_often(session, _now_ms())
        return (session is not None or bool(meant.inputs)) and await self._pace.dialling_too_often(
            turn.msisdn
        )

    async def _run(
        self,
        turn: Turn,
        live: Bundle,
        session: Session | None,
        profile: dict[str, Any] | None,
        meant: Arrival,
        deadline: float,
    ) -> Reply:
        if len(meant.inputs) > self.settings.max_inputs_per_turn:
            return Reply(live.program.sentence("expired", live.program.languages[0]), more=False)
        # Menus that declare nothing of the subscriber need no profile.
        asked = profile is None and bool(live.program.subscriber)
        if asked:
            profile = await _in_time(live.plugin.profile(turn.msisdn), deadline)
        now = _now_ms()
        if meant.kind is Kind.GO_ON and session is not None:
            bundle = live if session.bundle == live.name else await self._bundle_of(session, live)
            run = Run(turn, bundle, session, session.dialog, profile, deadline)
            run.came = run.dialog.language, run.dialog.state
            result: Result | None = None
            if session.claim is not None:
                self.board.takeovers.inc()
                kept = self.lost.half_done(turn, live.plugin, self.sessions.digest, meant.inputs[0][0])
                done = await _in_time(kept, deadline)
                if done is not None:
                    run, result = await self._rebuild(run, done)
        else:
            run, result = await self._open(turn, live, session, profile, meant, deadline)
        run.profile_changed = run.profile_changed or asked
        result = await self._feed(run, result, meant)
        return await self._finish(run, result, now)

    async def _open(
        self,
        turn: Turn,
        live: Bundle,
        old: Session | None,
        profile: dict[str, Any] | None,
        meant: Arrival,
        deadline: float,
    ) -> tuple[Run, Result]:
        """Begin a session in place of the one that is there, offer to go on with that, or rebuild a lost
        one."""
        fresh = Session(
            turn.gateway, turn.session_id, live.name, {}, rev=old.rev if old else "", started=_now_ms()
        )
        if meant.kind is Kind.UNKNOWN or (old is not None and old.turn == 0):
            lost = await _in_time(self.lost.find(turn, live.plugin, self.sessions.digest), deadline)
            if lost is not None:
                self.board.replays.inc()
                return await self._rebuild(Run(turn, live, fresh, None, profile, deadline), lost)
        self.board.session_starts.labels(live.service).inc()
        if old is not None and not meant.inputs and _resumable(old, live):
            fresh.bundle = old.bundle
            bundle = await self._bundle_of(fresh, live)
            run = Run(turn, bundle, fresh, old.dialog, profile, deadline)
            if bundle.name == old.bundle and bundle.program.unfinished(run.dialog):
                run.dialled = WENT_ON
                go_on = bundle.program.offer if live.resume == "ask" else bundle.program.go_on
                return run, go_on(run.dialog)
            fresh.bundle = live.name
        run = Run(turn, live, fresh, None, profile, deadline)
        run.dialled = len(turn.text)
        return run, live.program.begin(run.dialog)

    async def _rebuild(self, run: Run, lost: Lost) -> tuple[Run, Result]:
        """Bring a lost session back to its last effect, or to its start when it had none."""
        run.dialled = lost.dialled
        run.rebuilt = True
        if lost.effect is None:
            run.dialog.subscriber.update(lost.subscriber or {})
            if lost.dialled == WENT_ON:  # its answers were not to the menus' first screens
                run.fed = len(run.turn.text)
            return run, run.bundle.program.begin(run.dialog)
        checkpoint, outcome = lost.effect
        run.session.bundle = checkpoint.bundle
        run.bundle = await self._bundle_of(run.session, run.bundle)
        run.dialog = checkpoint.restored(run.turn.screen)
        run.came = (run.dialog.language, run.dialog.state) if run.dialog.state else None
        run.fed = checkpoint.position
        run.profile_changed = True
        result = run.bundle.program.resume(run.dialog, outcome.name, outcome.value, outcome.subscriber)
        if result.kind == NEED:
            result = await asyncio.create_task(self._actor.act(run, result, run.fed, {**checkpoint.done}))
        return run, result

    async def _feed(self, run: Run, result: Result | None, meant: Arrival) -> Result:
        """Walk the dialog through the inputs, running the actions it needs."""
        program = run.bundle.program
        dialog = run.dialog
        if result is not None and result.kind == NEED:
            result = await asyncio.create_task(self._actor.act(run, result, 0))
        for position, text in meant.inputs:
            if position <= run.fed:
                continue
            if result is not None:
                if result.kind == END:
                    break
                # A dialled string never goes through a PIN or a confirmation, nor past a wrong answer.
                if position <= run.dialled and (result.refused or program.guarded(dialog)):
                    continue
            if run.rebuilt:
                run.came = dialog.language, dialog.state
            result = program.step(dialog, text)
            if result.kind == NEED:
                result = await asyncio.create_task(self._actor.act(run, result, position))
        assert result is not None
        return result

    async def _finish(self, run: Run, result: Result, now: int) -> Reply:
        """Save, and only then answer."""
        turn, session, dialog = run.turn, run.session, run.dialog
        waiting = session.dialog.get("state", "")
        dwell_ms = now - session.seen if session.seen else -1
        session.dialog = dialog.dump()
        session.claim = None
        session.consumed = len(turn.text)
        session.digest = self.sessions.digest(turn.text)
        session.reply = result.text
        session.more = result.kind == SHOW
        session.turn += 1
        session.seen = now
        profile = dialog.subscriber if run.profile_changed else None
        if not await self._actor.save(run, profile):
            if not run.claimed:
                raise Overtaken
            # A claim lost to a newer dial: the effect is done and on record, so its answer is still true.
            with contextlib.suppress(StoreError):
                await self.sessions.forget_profile(turn.msisdn, run.bundle.service)
        if session.turn == 1:
            self.lost.remember(turn.gateway, turn.session_id, turn.msisdn, run.dialled)
        if not session.more:
            self.board.session_ends.labels(run.bundle.service, "end").inc()
        self._count(run, result, dwell_ms)
        if self._watch is not None:
            self._report(run, result, waiting)
        return Reply(result.text, session.more)

    # -- small parts ---------------------------------------------------------------------------

    def _count(self, run: Run, result: Result, dwell_ms: int) -> None:
        """One turn more in the funnel, as core_ext.plain counts its own."""
        funnel, dialog = self.board.funnel, run.dialog
        audience = funnel.audience(run.bundle.service, run.bundle.name, run.turn.network)
        reached = dialog.language, dialog.state
        funnel.turn(audience, run.came, reached, dwell_ms, result.refused, result.kind == SHOW)

    async def _bundle_of(self, session: Session, live: Bundle) -> Bundle:
        """The version a session is on; the live one when that cannot be had any more."""
        if session.bundle == live.name:
            return live
        try:
            return await asyncio.create_task(self.bundles.load(session.bundle))
        except (BundleError, MenuError):
            log.warning("a session's menu version is gone", bundle=session.bundle)
            session.bundle = live.name
            return live

    def _sentence(self, name: str, turn: Turn) -> str:
        live = self.bundles.for_code(turn.service_code) or self.bundles.any()
        if live is None:
            return DEFAULTS[name]["en"]
        return live.program.sentence(name, live.program.languages[0])

    def _report(self, run: Run, result: Result, waited: str) -> None:
        """Tell the development phone what happened; an answer to a PIN or a confirmation is not shown."""
        assert self._watch is not None
        program, turn = run.bundle.program, run.turn
        hidden = not waited or program.guarded(Dialog({"state": waited}, {}, 0))
        last = split(turn.text)[-1][1] if turn.text else ""
        ms = round((time.monotonic() - run.deadline + turn.deadline_s) * 1000, 1)
        self._watch(
            turn.msisdn, "turn", input="••••" if last and hidden else last, state=run.dialog.state,
            bundle=run.bundle.name, language=run.dialog.language, page=run.dialog.page,
            text=result.text, more=result.kind == SHOW, refused=bool(result.refused), turn=run.session.turn,
            ms=ms,
        )  # fmt: skip


def _resumable(old: Session, live: Bundle) -> bool:
    """Whether a service would go on with this session after a dropped call."""
    in_time = _now_ms() - old.seen <= live.resume_for_s * 1000
    return live.resume != "start" and old.more and old.turn > 0 and in_time


def _now_ms() -> int:
    return int(time.time() * 1000)


async def _in_time(asked: Coroutine[Any, Any, T], deadline: float) -> T:
    """What was asked, in a task of its own, or TimeoutError."""
    left = max(0.05, deadline - time.monotonic() - ANSWER_MARGIN_S)
    return await asyncio.create_task(within(left, asked))


def _language(session: Session | None, live: Bundle) -> str:
    language = session.dialog.get("language") if session is not None else None
    return str(language or live.program.languages[0])


async def open_engine(
    settings: Settings,
    board: Board,
    *,
    watch: Watch | None = None,
    publish: bool = True,
    plugins: Mapping[str, Service] | None = None,
) -> Engine:
    """Connect to Redis and PostgreSQL, load the live menus and follow them.

    publish: a service under `menus_dir` that has no live version yet is published from its folder.
    plugins: services by name, instead of the installed ones.
    Raises StoreError, MenuError or BundleError, with what to do.
    """
    store = await open_store(
        settings.redis_url,
        timeout_s=settings.redis_timeout_s,
        max_in_flight=settings.max_commands_in_flight,
        on_reconnect=board.reconnects.inc,
    )
    try:
        bundles = await Bundles.open(settings, board, publish=publish, plugins=plugins)
    except BaseException:
        await store.close()
        raise
    engine = Engine(settings, store, bundles, board, watch)
    await engine.sessions.learn()
    return engine
