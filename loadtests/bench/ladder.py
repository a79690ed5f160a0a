"""Menus of any size, all of one kind: what is measured must differ in the number of states and nothing else.

A service of N states has N - 2 screens, numbered; a main menu, which is screen 0 of another name; and the
end. Of six neighbours five are menus of six options and one asks for a number and checks it. Screen n leads
to the screens 6n + 1 to 6n + 6, counted round, so that six presses reach most of thousands. Each dialog has
the same nine turns at every size: dial, five options to menus, one to a screen that asks, a number, the end.
It comes to no screen twice and all names are equally long, so that what is kept of it is too: the engine cuts
the way back where a dialog comes by again, which in a service of ten states would be often.
"""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from loadtests.bench.dialogs import SESSION
from loadtests.bench.walker import Gateway, Talk, Traffic, Wrong, quoted

LEAST = 10
WIDTH = 6
ASKS = 3  # of six neighbours, the one that asks
MENUS = 5  # in a dialog, between the main menu and the screen that asks
FINISH = "7"
FILES = 250  # screens a file, or it would be longer than a file may be
WALKS = 6_000  # dialogs that are made before they are walked, so that making them is no load of the client
WALKS_A_STATE = 20  # no more than so many

SERVICE = """\
service: {service}
codes: ["{code}"]
languages: [en]
start: main
session: {{timeout: 180s, resume: start, resume_for: 10m}}
screen: 160
keys: {{back: "0", home: "00", more: "98"}}
include: [{files}]
vars:
  number: {{type: integer, max: 999}}
"""
MENU = """\
  {name}:
    menu: "{word} {shown}"
    nav: none
    options:
{options}
      - {{key: "7", en: Finish, to: over}}
"""
OPTION = '      - {{key: "{key}", en: "To {shown}", to: {name}}}'
ASK = """\
  {name}:
    ask: "{word} {shown}: how many?"
    as: integer
    save: number
    check:
      - {{when: number > 500, say: "500 at most."}}
    nav: none
    to: {target}
"""
END = """\
  over:
    end: "{word} over."
"""


@dataclass(slots=True, frozen=True)
class Ladder:
    """A service of that many states. Its word is on each screen, so versions can be told apart."""

    states: int
    word: str = "Screen"

    @property
    def screens(self) -> int:
        """Without the main menu and the end."""
        return self.states - 2

    @property
    def service(self) -> str:
        """Its name."""
        return f"states_{self.states}"

    @property
    def code(self) -> str:
        """What to dial."""
        return f"*384*{self.states}#"

    def target(self, screen: int, option: int) -> int:
        """Where an option leads; options count from 0. Screen -1 is the main menu."""
        return (WIDTH * max(screen, 0) + 1 + option) % self.screens

    def asks(self, screen: int) -> bool:
        """Whether it asks for a number; else it is a menu."""
        return screen % WIDTH == ASKS

    def after_number(self, screen: int) -> int:
        """Where an answer leads: to the first menu from where an option would."""
        found = self.target(screen, 0)
        while self.asks(found):
            found = (found + 1) % self.screens
        return found

    def shown(self, screen: int) -> str:
        """The whole screen, as the gateway gets it."""
        if screen >= 0 and self.asks(screen):
            return f"CON {self.word} {screen:04d}: how many?"
        name = "main" if screen < 0 else f"{screen:04d}"
        options = [f"{key + 1}. To {self.target(screen, key):04d}" for key in range(WIDTH)]
        return "\n".join([f"CON {self.word} {name}", *options, f"{FINISH}. Finish"])

    def sources(self) -> dict[str, str]:
        """The menu folder, file by file."""
        if self.states < LEAST:
            raise ValueError(f"a ladder has {LEAST} states or more")
        screens = list(range(-1, self.screens))
        parts = [screens[start : start + FILES] for start in range(0, len(screens), FILES)]
        files = {f"part_{place}.yaml": "states:\n" + "".join(map(self._state, part))
                 for place, part in enumerate(parts)}  # fmt: skip
        last = list(files)[-1]
        files[last] += END.format(word=self.word)
        service = SERVICE.format(service=self.service, code=self.code, files=", ".join(files))
        return {"service.yaml": service, **files}

    def write(self, parent: Path) -> Path:
        """The menu folder on disk."""
        folder = parent / self.service
        folder.mkdir(parents=True)
        for name, text in self.sources().items():
            (folder / name).write_text(text, encoding="utf-8")
        return folder

    def walk(self, chance: random.Random) -> list[tuple[str, str]]:
        """A dialog: each input and the screen that must answer it. Its kinds of turns are always the same."""
        options = self._way(chance, [-1])
        if options is None:
            raise ValueError(f"no such dialog in {self.states} states")
        screen = -1
        walked = [("", self.shown(screen))]
        for option in options:
            screen = self.target(screen, option)
            walked.append((str(option + 1), self.shown(screen)))
        walked.append((str(chance.randint(1, 500)), self.shown(self.after_number(screen))))
        walked.append((FINISH, f"END {self.word} over."))
        return walked

    def _way(self, chance: random.Random, passed: list[int]) -> list[int] | None:
        """Options that lead on from the last of these: to menus, then to a screen that asks, to none twice.
        None: there is no such way."""
        here = passed[-1]
        if len(passed) == MENUS + 2:
            return None if self.after_number(here) in passed else []
        for option in chance.sample(range(WIDTH), WIDTH):
            screen = self.target(here, option)
            if self.asks(screen) is (len(passed) == MENUS + 1) and screen not in passed:
                found = self._way(chance, [*passed, screen])
                if found is not None:
                    return [option, *found]
        return None

    def _state(self, screen: int) -> str:
        name = _name(screen)
        if screen >= 0 and self.asks(screen):
            return ASK.format(
                word=self.word, name=name, shown=f"{screen:04d}", target=_name(self.after_number(screen))
            )
        options = "\n".join(
            OPTION.format(key=option + 1, shown=f"{target:04d}", name=_name(target))
            for option, target in enumerate(self.target(screen, option) for option in range(WIDTH))
        )
        shown = "main" if screen < 0 else f"{screen:04d}"
        return MENU.format(word=self.word, name=name, shown=shown, options=options)


def _name(screen: int) -> str:
    return "main" if screen < 0 else f"screen_{screen:04d}"


@dataclass
class Climbers(Traffic):
    """Phones that walk a ladder, each dialog another way."""

    port: int
    ladder: Ladder
    counts: Counter[str] = field(default_factory=Counter)
    _number: int = 0
    _dialogs: Iterator[tuple[list[tuple[str, bytes]], int]] | None = None

    def dialog(self) -> Talk:
        """The next phone's."""
        self._dialogs = self._dialogs or self._endless()
        walked, number = next(self._dialogs)
        return self._talk(walked, number)

    def _endless(self) -> Iterator[tuple[list[tuple[str, bytes]], int]]:
        chance = random.Random(self.ladder.states)
        screens: dict[str, bytes] = {}  # each once, however many dialogs pass it
        made = []
        for _ in range(min(WALKS, WALKS_A_STATE * self.ladder.states)):
            walked = self.ladder.walk(chance)
            inputs = [typed for typed, _ in walked[1:]]
            shown = [screens.setdefault(screen, screen.encode()) for _, screen in walked]
            made.append([(quoted(inputs[:place]), screen) for place, screen in enumerate(shown)])
        self._gateway = Gateway(self.port, self.ladder.code)
        while True:
            self._number += 1
            yield made[self._number % len(made)], self._number

    def _talk(self, walked: list[tuple[str, bytes]], number: int) -> Talk:
        session, msisdn = f"{SESSION}{number:08d}", f"2547{number % 100_000_000:08d}"
        for text, shown in walked:
            if (yield self._gateway.request(session, msisdn, text)) != shown:
                raise Wrong(repr(shown.decode()))

    def told(self) -> None:
        """Nothing else."""
