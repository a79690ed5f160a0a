"""Lost sessions: telling one from a direct dial, and where to rebuild it from.

Both arrive as cumulative text with no session in Redis. Whoever this process answered before, or whose
effects are on record, is a lost session and is replayed through; anybody else dialled the inputs and is
stopped before a PIN.

A replay does not run again what led to an effect, for the effect has changed what that would say (who
has borrowed has no limit any more). Each effect is kept by its service with a checkpoint: the dialog as
it stood when the action was called. A lost session goes on from its last effect, with the outcome on
record; without one, nothing was changed, and its inputs say everything.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from core_ext.dialog import Dialog
from core_ext.recent import Recent
from ussd_engine.actions import Outcome
from ussd_engine.plugin import Service
from ussd_engine.pool import FAILURES
from ussd_engine.turn import Turn

log = structlog.get_logger("ussd.recovery")


WENT_ON = -1


@dataclass(slots=True, frozen=True)
class Checkpoint:
    """The dialog when an effect was called. position: how much text had been used, with this input;
    done: how often each action was called for it, with this call; digest: of the text used; phone: of the
    MSISDN, for a gateway may give one session id to two phones; dialled: as in Lost."""

    position: int
    done: dict[str, int]
    doing: str
    bundle: str
    digest: str
    dialog: dict[str, Any]
    subscriber: dict[str, Any]
    phone: str
    dialled: int

    def as_json(self) -> dict[str, Any]:
        """What the service keeps."""
        return {name: getattr(self, name) for name in self.__slots__}

    def restored(self, screen: int) -> Dialog:
        """The dialog, about to hear the outcome."""
        dialog = Dialog(self.dialog, dict(self.subscriber), screen)
        dialog.doing = self.doing
        return dialog


@dataclass(slots=True, frozen=True)
class Lost:
    """What is known of a lost session. dialled: how much of its text came in one dialled string, or
    WENT_ON, when its first screen was not the menus' first; effect: the last one to go on from;
    subscriber: the profile as it was at the start, when that is on record."""

    dialled: int
    effect: tuple[Checkpoint, Outcome] | None = None
    subscriber: Mapping[str, Any] | None = None


class LostSessions:
    """Remembers the last `most` sessions begun in this process, and asks services about the others."""

    def __init__(self, most: int) -> None:
        self._begun = Recent(most)

    def remember(self, gateway: str, session_id: str, msisdn: str, dialled: int) -> None:
        """This session's first request was answered; `dialled` characters of text came with it."""
        self._begun.add(hash((gateway, session_id, msisdn)), dialled)

    async def find(self, turn: Turn, service: Service, digest: Callable[[str], str]) -> Lost | None:
        """What is known of this turn's session; None: it dialled its inputs."""
        dialled = self._begun.get(hash((turn.gateway, turn.session_id, turn.msisdn)))
        effects = await self._of_phone(turn, service, digest)
        if not effects:
            return None if dialled is None else Lost(dialled)
        for checkpoint, outcome in effects:
            used = turn.text[: checkpoint.position]
            if len(used) == checkpoint.position and digest(used) == checkpoint.digest:
                return Lost(checkpoint.dialled, (checkpoint, outcome))
        first = effects[-1][0]
        return Lost(first.dialled if dialled is None else dialled, None, first.subscriber)

    async def half_done(
        self, turn: Turn, service: Service, digest: Callable[[str], str], position: int
    ) -> Lost | None:
        """What this very input came to before its worker died; None: nothing."""
        for checkpoint, outcome in await self._of_phone(turn, service, digest):
            if checkpoint.position == position and checkpoint.digest == digest(turn.text[:position]):
                return Lost(checkpoint.dialled, (checkpoint, outcome))
        return None

    async def _of_phone(
        self, turn: Turn, service: Service, digest: Callable[[str], str]
    ) -> list[tuple[Checkpoint, Outcome]]:
        phone = digest(turn.msisdn)
        return [kept for kept in await self._effects(turn, service) if kept[0].phone == phone]

    async def _effects(self, turn: Turn, service: Service) -> list[tuple[Checkpoint, Outcome]]:
        try:
            kept = await service.effects(turn.gateway, turn.session_id)
        except FAILURES as error:
            log.warning("could not look up the effects of a session", error=type(error).__name__)
            return []
        readable = []
        for checkpoint, outcome in kept:
            try:
                readable.append((Checkpoint(**checkpoint), outcome))
            except TypeError:
                log.warning("a checkpoint of another release is of no use")
        return readable
