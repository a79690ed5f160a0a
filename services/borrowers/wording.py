"""The words people agree to: the screens that consent.yaml names, and the hash a consent keeps of them.

    SHA-256 of the texts and option labels of those screens in one language, in order, one a line

So years later it can be shown which words a consent was to, whatever else the menus' bundle changed.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from services import documents
from services.documents import Document, Menus

FILE = "consent.yaml"


@dataclass(slots=True, frozen=True)
class Wording:
    """What the screens say, by language."""

    texts: Mapping[str, str] = field(default_factory=dict)

    def sha256(self, language: str) -> bytes | None:
        """The hash of the words in that language; None when the menus name no screens."""
        text = self.texts.get(language)
        return None if text is None else hashlib.sha256(text.encode()).digest()


def read(sources: Mapping[str, str], menus: Menus) -> tuple[Wording, Document]:
    """The wording of a menu folder. What is wrong is in the document."""
    document = Document(FILE)
    if FILE not in sources:
        return Wording(), document
    document = documents.read(FILE, sources[FILE])
    named = document.value.get("screens") if isinstance(document.value, dict) else None
    if not isinstance(named, list) or not named or set(document.value) != {"screens"}:
        if not document.problems:
            document.problem((), "must hold `screens:` and nothing else", "For example: screens: [consent]")
        return Wording(), document
    for index, name in enumerate(named):
        if name not in menus.states:
            document.problem(("screens", index), f"there is no state {name}")
    languages = menus.service.get("languages")
    if document.problems or not isinstance(languages, list):
        return Wording(), document
    screens = [menus.states[name] for name in named]
    return Wording({each: "\n".join(_lines(screens, each)) for each in languages}), document


def _lines(screens: list[dict[str, Any]], language: str) -> list[str]:
    lines = []
    for screen in screens:
        lines.append(_said(screen.get("menu") or screen.get("ask") or screen.get("end"), language))
        options = screen.get("options")
        lines += [_said(option, language) for option in options] if isinstance(options, list) else []
    return lines


def _said(text: Any, language: str) -> str:
    return str(text.get(language, "")) if isinstance(text, dict) else str(text or "")
