"""What became of a request to Daraja. Whoever moves money decides by the type, and by nothing else.

Outcome
├── Accepted   Daraja took it. The result comes later
├── Refused    it says that it did not, and why: nothing was done
├── Unsent     it never left this machine: nothing was done
└── Unknown    it may have been done: no answer, a 5xx, a page, an answer that makes no sense
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

DUPLICATE_ID = "500.002.1001"  # this OriginatorConversationID was taken before
IN_PROCESS = "500.001.1001"  # of an STK query: the prompt is open. Of others it means other things
INVALID_TOKEN = ("400.003.01", "404.001.03", "401.002.01")


@dataclass(slots=True, frozen=True)
class Accepted:
    """The answer's fields."""

    body: Mapping[str, Any] = field(repr=False)

    def text(self, name: str) -> str:
        """A field as text; empty when it is missing."""
        return str(self.body.get(name) or "")


@dataclass(slots=True, frozen=True)
class Refused:
    """Daraja's code and words."""

    code: str
    words: str = ""


@dataclass(slots=True, frozen=True)
class Unsent:
    """Why it did not leave."""

    why: str


@dataclass(slots=True, frozen=True)
class Unknown:
    """Why it is not known, and Daraja's code if it said one."""

    why: str
    code: str = ""


Outcome = Accepted | Refused | Unsent | Unknown
