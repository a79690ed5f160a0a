"""Session ids this process answered lately, so that a lost session is told from a direct dial.

Both arrive as cumulative text with no session in Redis. Whoever was answered before is a lost session
and is replayed through; anybody else dialled the inputs and is stopped before a PIN.
"""

from collections import OrderedDict


class RecentSessions:
    """The last `most` sessions begun here, as hashes, each with how much of its text was dialled."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._begun: OrderedDict[int, int] = OrderedDict()

    def add(self, gateway: str, session_id: str, dialled: int) -> None:
        """This session's first request was answered; `dialled` characters of text came with it."""
        key = hash((gateway, session_id))
        if key not in self._begun:
            self._begun[key] = dialled
            if len(self._begun) > self._most:
                self._begun.popitem(last=False)

    def dialled(self, gateway: str, session_id: str) -> int | None:
        """How much text came with its first request; None when it was not answered here, lately."""
        return self._begun.get(hash((gateway, session_id)))
