"""Phone lines and their calls, without any network: who calls, what is typed, what goes wrong.

`Line.call` is a generator. It yields a Pause to wait, or a Send to deliver; whoever runs it (Locust, a
test) gives each answer to `Send.check`, which raises WrongAnswer when it is not what the phone must show.
An answer that never comes, or is wrong, ends the call, and the next one is somebody else's.
"""

import random
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field

from loadtests.gateways import AFRICASTALKING, Gateway, Press
from loadtests.journeys import Journey, Journeys
from loadtests.mix import Mix
from loadtests.oracle import Phone, Screen, WrongAnswer
from loadtests.people import Person, another_pin

_RUBBISH = ("?", "77", "12x", "1*500", "#")
_BACK = "0"
_AWAY = ("0", "00")  # from a screen an earlier call had left, and this one has no business at
GO_ON = "1"  # at the offer to go on with a dropped call
MOST_AT_HOME = 10_000
_MOST_PRESSES = 60  # of one call; past it somebody walks in circles
_MOST_MOVED = 40  # inputs that another gateway brings at once; a server takes 64

REACHED, GAVE_UP, ELSEWHERE, FAILED = "reached", "gave up", "ended elsewhere", "failed"

Tally = dict[str, Counter[str]]  # journey → how its calls ended


@dataclass(slots=True, frozen=True)
class Pause:
    """The person reads and thinks."""

    seconds: float


@dataclass(slots=True, frozen=True)
class Send:
    """One request, to each of `servers` at the same time. kind and name are for the statistics; check is
    given what the gateway heard."""

    kind: str
    name: str
    gateway: Gateway
    form: dict[str, str] = field(repr=False)
    servers: tuple[int, ...]
    check: Callable[[str], None]


@dataclass(slots=True)
class Somebody:
    """A person, their phone, and what they gave up and may go on with."""

    person: Person
    phone: Phone
    unfinished: Journey | None = None


class Crowd:
    """Who calls from one process: strangers without end, and borrowers who are at home between calls."""

    def __init__(self, journeys: Journeys, strangers: Iterator[Person], chance: random.Random) -> None:
        self._journeys = journeys
        self._strangers = strangers
        self._chance = chance
        self._at_home: list[Somebody] = []

    def stranger(self) -> Somebody:
        """Somebody who never called."""
        return Somebody(next(self._strangers), Phone(self._journeys.service))

    def anybody(self) -> Somebody:
        """Somebody who is at home; a stranger when nobody is."""
        if not self._at_home:
            return self.stranger()
        return self._at_home.pop(self._chance.randrange(len(self._at_home)))

    def home(self, who: Somebody) -> None:
        """Their line is needed for another. Only borrowers come back, and so many fit."""
        if who.phone.account.registered and len(self._at_home) < MOST_AT_HOME:
            self._at_home.append(who)


class Line:
    """One phone line: somebody calls, and after some calls somebody else does."""

    def __init__(
        self, journeys: Journeys, mix: Mix, crowd: Crowd, servers: int, chance: random.Random
    ) -> None:
        """servers: how many there are to choose from."""
        self._journeys = journeys
        self._mix = mix
        self._crowd = crowd
        self._servers = servers
        self._chance = chance
        self.who: Somebody | None = None
        self.tally: Tally = {}

    def call(self) -> Generator[Pause | Send, None, None]:
        """One call, from dialling to its end. Closed before that, it was cut off."""
        chance = self._chance
        names, weights = zip(*self._mix.journeys.items(), strict=True)
        journey = self._journeys.by_name[chance.choices(names, weights)[0]]
        who = self.who = self._caller(journey)
        call = _Call(self._mix, who, self._journeys, self._servers, chance)
        end = FAILED
        try:
            end = yield from call.run(journey)
        finally:
            if call.unsure:
                self.who = None
            else:
                who.unfinished = call.journey if end in (GAVE_UP, FAILED) else None
        self.tally.setdefault(call.journey.name, Counter())[end] += 1

    def close(self) -> None:
        """The line is taken down; who called from it goes home."""
        if self.who is not None:
            self._crowd.home(self.who)
            self.who = None

    def _caller(self, journey: Journey) -> Somebody:
        who = self.who or self._crowd.anybody()
        busy = who.phone.account.open_loan is not None
        if journey.who == "newcomer" or (busy and journey.who == "without_loan"):
            self._crowd.home(who)
            return self._crowd.stranger()
        return who


class _Call:
    """One session."""

    def __init__(
        self,
        mix: Mix,
        who: Somebody,
        journeys: Journeys,
        servers: int,
        chance: random.Random,
    ) -> None:
        self._journeys = journeys
        self._mix = mix
        self._who = who
        self._phone = who.phone
        self._person = who.person
        self._servers = servers
        self._server = chance.randrange(servers)
        self._chance = chance
        self.journey: Journey
        self._gateway = AFRICASTALKING
        self._unused = list(mix.gateways)  # those that brought nothing of this call
        self._session = f"ATUid_{chance.getrandbits(128):032x}"
        self._text = ""
        self._last = ""  # what was typed last
        self._earlier = ""  # the text of the request before
        self._body: str | None = None  # the last answer, when there was one and it was right
        self._answered: set[str] = set()  # states that took an answer

    @property
    def unsure(self) -> bool:
        """Whether the last request has no right answer: nobody knows what the server thinks."""
        return self._body is None

    def run(self, journey: Journey) -> Generator[Pause | Send, None, str]:
        """To the end, which is what it gives."""
        self.journey = journey
        self._text = journey.inputs
        self._phone.dial(journey.inputs)
        yield from self._sent("dial", "a shortcut" if journey.inputs else "the code")
        for _ in range(_MOST_PRESSES):
            screen = self._phone.on
            if self._body is None or screen is None:
                return FAILED
            end = self._end(screen)
            if end:
                return end
            if self._happens(self._mix.faults.give_up):
                return GAVE_UP
            yield Pause(self._chance.uniform(*self._mix.think_s))
            if self._earlier and self._repeated(self._mix.faults.late_copy):
                yield self._send("copy", "a late one", self._earlier)
                if self._body is None:
                    return FAILED
            typed = self._typed(self._choices(screen))
            if self._phone.offered and typed == GO_ON:
                self.journey = self._who.unfinished or journey
            self._press(typed, screen)
            yield from self._sent("press", screen.state.lstrip("@"))
        return ELSEWHERE

    def _choices(self, screen: Screen) -> tuple[str, ...]:
        if self._phone.offered:
            return self._journeys.unfinished
        return self.journey.presses.get(screen.state, _AWAY)

    def _end(self, screen: Screen) -> str:
        journey = self.journey
        there = screen.state in journey.until and not self._phone.offered
        if there and (not journey.passing or journey.passing in self._answered):
            return REACHED
        return ELSEWHERE if screen.over else ""

    # -- what is typed -------------------------------------------------------------------------

    def _typed(self, choices: tuple[str, ...]) -> str:
        faults, dice = self._mix.faults, self._chance.random()
        if dice < faults.mistype:
            return self._chance.choice(_RUBBISH)
        if dice < faults.mistype + faults.back:
            return _BACK
        chosen = self._chance.choice(choices)
        # One wrong PIN at a time: after three in a row nobody could borrow for a quarter of an hour.
        if chosen == "{pin}" and not self._phone.account.wrong_pins and self._happens(faults.wrong_pin):
            return another_pin(self._person.pin, self._chance)
        return self._filled(chosen)

    def _filled(self, text: str) -> str:
        if "{" not in text:
            return text
        limit, loan = self._phone.value("limit") or {}, self._phone.value("loan") or {}
        known = {
            "name": self._person.name, "national_id": self._person.national_id, "pin": self._person.pin,
            "limit": str(limit.get("max", 0) // 100), "owed": str(loan.get("outstanding", 0) // 100),
        }  # fmt: skip
        return text.format_map(known)

    def _press(self, typed: str, screen: Screen) -> None:
        self._earlier = self._text
        self._text = f"{self._text}*{typed}" if self._text else typed
        self._last = typed
        self._phone.press(typed)
        self._answered.add(screen.state)

    # -- what is sent --------------------------------------------------------------------------

    def _sent(self, kind: str, name: str) -> Iterator[Send]:
        """The request, with the copies a gateway may make of it."""
        faults = self._mix.faults
        self._body = None
        if self._happens(faults.other_server):
            self._server = self._other()
        if self._moves(kind) and kind == "press":
            kind, name = "move", f"to {self._gateway.name}"
        if self._repeated(faults.copies_at_once):
            yield self._send("copy", "two at once", self._text, self._server, self._other())
        else:
            yield self._send(kind, name, self._text)
        if self._body is not None and self._repeated(faults.copy):
            yield self._send("copy", "the same again", self._text)

    def _moves(self, kind: str) -> bool:
        """Whether another gateway brings this request and the rest of the call. The server knows no session
        of that gateway: with all that was typed it is a dialled shortcut, without it a new dial. It never
        goes back to a gateway it came by: whether the server still knows that session is the server's to
        say, and either is right."""
        may = [other for other in self._unused if other.repeats_all or kind == "press" or not self._text]
        if not may or self._text.count("*") >= _MOST_MOVED:
            return False
        if not self._happens(self._mix.faults.other_gateway):
            return False
        self._gateway = self._chance.choice(may)
        self._unused.remove(self._gateway)
        if kind == "press":
            self._who.unfinished = self.journey
            self._phone.dial(self._text if self._gateway.repeats_all else "")
        return True

    def _send(self, kind: str, name: str, text: str, *servers: int) -> Send:
        press = Press(
            self._session, self._person.msisdn, self._journeys.service.code, text, self._last,
            first=not self._last,
        )  # fmt: skip
        form = self._gateway.form(press)
        return Send(kind, name, self._gateway, form, servers or (self._server,), self._check)

    def _check(self, body: str) -> None:
        """Whether an answer is right: the first to a press by what it says, a copy by being the same."""
        if self._body is None:
            self._phone.take(body)
            self._body = body
        elif body != self._body:
            before, self._body = self._body, None
            raise WrongAnswer("not the answer given before", f"First:\n{before}\nand to a copy:\n{body}")

    def _other(self) -> int:
        return (self._server + self._chance.randrange(1, self._servers)) % self._servers

    def _repeated(self, share: float) -> bool:
        """Whether a gateway sends a copy. One that sends the last input only cannot: nobody could tell a
        copy from somebody who types the same again."""
        return self._gateway.repeats_all and self._happens(share)

    def _happens(self, share: float) -> bool:
        return self._chance.random() < share
