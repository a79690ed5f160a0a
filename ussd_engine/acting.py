"""The actions a dialog needs: claimed, called, fed back to the machine.

A turn that needs an action first marks the session as being worked on, so that a duplicate waits. An
action has what is left of the gateway's time, and no more than its own limit; whatever it does, the
dialog goes on with an outcome.
"""

import time
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from core_ext.dialog import NEED, Dialog, Result
from core_ext.program import ProgramFault
from ussd_engine.actions import FAILED, LATE, Action, Call, Outcome
from ussd_engine.bundles import Bundle
from ussd_engine.limits import within
from ussd_engine.observe import tracing
from ussd_engine.observe.board import Board
from ussd_engine.recovery import Checkpoint
from ussd_engine.sessions import Claim, Session, Sessions
from ussd_engine.settings import Settings
from ussd_engine.turn import Turn

log = structlog.get_logger("ussd.acting")

ANSWER_MARGIN_S = 0.5  # kept of the gateway's time to save and answer

Watch = Callable[..., None]


class Overtaken(Exception):
    """Another request saved this session first: load again."""


class Run:
    """What one turn carries along: its dialog, and whether it holds the claim."""

    __slots__ = (
        "bundle", "came", "claimed", "deadline", "dialled", "dialog", "fed", "profile_changed", "rebuilt",
        "session", "turn",
    )  # fmt: skip

    def __init__(
        self,
        turn: Turn,
        bundle: Bundle,
        session: Session,
        kept: dict[str, Any] | None,
        profile: dict[str, Any] | None,
        deadline: float,
    ) -> None:
        """kept: the dialog as a session holds it; None: a new one."""
        self.turn = turn
        self.bundle = bundle
        self.session = session
        self.dialog = Dialog(kept, {**bundle.program.subscriber, **(profile or {})}, turn.screen)
        self.deadline = deadline
        self.claimed = False
        self.profile_changed = False
        self.dialled = 0  # how much of the text came in one dialled string; see Lost
        self.fed = -1  # inputs up to this position are in the dialog already
        self.came: tuple[str, str] | None = None  # language and state whose screen this input answers
        self.rebuilt = False  # a lost session's: `came` is known once its inputs are fed


class Actor:
    """Runs the actions of an engine's dialogs, and saves their sessions."""

    def __init__(self, settings: Settings, sessions: Sessions, board: Board, watch: Watch | None) -> None:
        """watch: as the engine's."""
        self._settings = settings
        self._sessions = sessions
        self._board = board
        self._watch = watch

    async def act(
        self, run: Run, result: Result, position: int, done: dict[str, int] | None = None
    ) -> Result:
        """Run the actions one input leads to, until a screen. done: how often each was called for it."""
        done = done or {}
        while result.kind == NEED:
            if not run.claimed:
                await self._claim(run)
            name = result.action
            done[name] = done.get(name, 0) + 1
            phone = self._sessions.digest(run.turn.msisdn)
            key = f"{run.turn.gateway}:{run.turn.session_id}:{phone}:{position}:{name}"
            if done[name] > 1:
                key += f":{done[name]}"
            outcome = await self._call(run, key, result, position, done)
            if outcome.subscriber:
                run.profile_changed = True
            result = run.bundle.program.resume(run.dialog, outcome.name, outcome.value, outcome.subscriber)
        return result

    async def _claim(self, run: Run) -> None:
        """Mark the session: this turn is being worked on, until its deadline.

        Raises TimeoutError when no time is left: nothing is begun and nothing kept, so a retry may do it.
        """
        session = run.session
        if run.deadline - time.monotonic() <= ANSWER_MARGIN_S:
            raise TimeoutError("no time was left to begin")
        ms_left = int(max(0.0, run.deadline - time.monotonic()) * 1000)
        session.claim = Claim(
            len(run.turn.text), self._sessions.digest(run.turn.text), int(time.time() * 1000) + ms_left
        )
        if not await self.save(run, None):
            raise Overtaken
        run.claimed = True

    async def _call(self, run: Run, key: str, need: Result, position: int, done: dict[str, int]) -> Outcome:
        name = need.action
        action = run.bundle.plugin.registry.get(name)
        if action is None:
            raise ProgramFault(f"no action named {name!r}")
        left = run.deadline - time.monotonic() - ANSWER_MARGIN_S
        budget = min(action.timeout_s, left)
        call = Call(
            key, run.turn.msisdn, run.dialog.language, run.bundle.service, run.turn.gateway, run.turn.network,
            run.bundle.name, run.bundle.data, budget, run.dialog.subscriber,
            self._checkpoint(run, position, done) if action.effect else {},
        )  # fmt: skip
        started = time.monotonic()
        if budget <= 0:
            outcome = Outcome(LATE)
        else:
            try:
                with tracing.span(f"action {name}"):
                    outcome = await within(budget, _outcome(action, call, need.arguments))
            except TimeoutError:
                log.warning("action ran out of time", action=name, seconds=round(budget, 3))
                outcome = Outcome(LATE)
            except Exception:
                log.exception("action failed", action=name)
                outcome = Outcome(FAILED)
        seconds = time.monotonic() - started
        self._board.action(name, outcome.name, seconds)
        if self._watch is not None:
            self._watch(
                run.turn.msisdn, "action", name=name, outcome=outcome.name, ms=round(seconds * 1000, 1)
            )
        return outcome

    def save(self, run: Run, profile: dict[str, Any] | None) -> Coroutine[Any, Any, bool]:
        """Save the turn's session; see Sessions.save."""
        return self._sessions.save(
            run.turn.msisdn,
            run.turn.service_code,
            run.bundle.service,
            run.session,
            run.bundle.ttl_s,
            profile,
            self._settings.profile_ttl_s,
            run.deadline - ANSWER_MARGIN_S,
        )

    def _checkpoint(self, run: Run, position: int, done: dict[str, int]) -> dict[str, Any]:
        dialog = run.dialog
        digest = self._sessions.digest
        return Checkpoint(
            position, dict(done), dialog.doing, run.bundle.name, digest(run.turn.text[:position]),
            dialog.dump(), dict(dialog.subscriber), digest(run.turn.msisdn), run.dialled,
        ).as_json()  # fmt: skip


async def _outcome(action: Action, call: Call, arguments: dict[str, Any]) -> Outcome:
    return await action.function(call, **arguments)
