"""The words people agree to: the screens that rules.yaml names, and the hash a consent keeps of them.

    SHA-256 of the texts and option labels of those screens in one language, in order, one a line

So years later it can be shown which words a consent was to, whatever else the menus' bundle changed.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from services.documents import Menus


@dataclass(slots=True, frozen=True)
class Wording:
    """What the screens say, by language."""

    texts: Mapping[str, str] = field(default_factory=dict)

    def sha256(self, language: str) -> bytes | None:
        """The hash of the words in that language; None when the menus name no screens."""
        text = self.texts.get(language)
        return None if text is None else hashlib.sha256(text.encode()).digest()


def of(screens: Sequence[str], menus: Menus) -> Wording:
    """The wording of those states. Every one of them exists."""
    languages = menus.service.get("languages")
    if not screens or not isinstance(languages, list):
        return Wording()
    states = [menus.states[name] for name in screens]
    return Wording({each: "\n".join(_lines(states, each)) for each in languages})


def _lines(screens: list[dict[str, Any]], language: str) -> list[str]:
    lines = []
    for screen in screens:
        lines.append(_said(screen.get("menu") or screen.get("ask") or screen.get("end"), language))
        options = screen.get("options")
        lines += [_said(option, language) for option in options] if isinstance(options, list) else []
    return lines


def _said(text: Any, language: str) -> str:
    return str(text.get(language, "")) if isinstance(text, dict) else str(text or "")
