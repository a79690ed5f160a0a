# mypy: disable-error-code="attr-defined, has-type"
# (A PlainTurn's fields are declared in plain.pxd; to fill them in a constructor would cost 0.2 µs.)
"""The plain turn: a press that needs its session, its menu and nothing else, from form to answer without
a coroutine. Sans-I/O: commands go into a pipeline, replies come back as calls.

    begin   form → command that loads            nothing is known of the session yet
    loaded  record → step → command that saves   the answer is made, and kept back
    saved   the answer leaves

Rules for whoever edits this file

1. A plain turn does nothing but that one save. So whenever anything is not as usual (a session of another
   dial, a claim, a copy, an action, a profile to ask for, a lost race, a lost connection, a fault) it is
   dropped, and the engine runs the turn from its beginning: either nothing of it has happened, or the
   engine finds its answer stored.
2. What is done here is what `ussd_engine.engine` does for the same turn; a test sends both the same
   traffic and compares answers and records. A new rule there is written here too, or dropped to there.
3. Nothing leaves this file but what a menu says: no exception, no half-made answer.
"""

from collections.abc import Mapping
from typing import Any

import cython
import orjson

from .commands import Commands
from .dialog import NEED, SHOW, Dialog, Result
from .form import Form
from .http_answers import Answers
from .lane import Lane, Request, Starter
from .menu import Menu
from .program import Program
from .record import Record, gateway_of, is_plain
from .siphash import Keyed
from .states import State
from .visits import Seats
from .writer import Writer

_MOST_MENUS = 64
_MOST_PINNED = 8  # a bundle that is kept here stays in memory
FREE_TURNS = 60  # of a session. Whoever presses on is looked at by the engine: ussd_engine/pace.py
_FREE_TURNS = cython.declare(cython.longlong, FREE_TURNS)
_MOST_NETWORKS = 64  # as a gateway writes them
_loads = cython.declare(object, orjson.loads)
_OK = cython.declare(bytes, b"OK")
_LOADING = cython.declare(cython.int, 0)
_SAVING = cython.declare(cython.int, 1)
_SHOW = cython.declare(cython.int, SHOW)
_NEED = cython.declare(cython.int, NEED)


@cython.cclass
class Plain(Starter):
    """Plain turns of one gateway."""

    def __init__(
        self,
        gateway: str,
        form: Form,
        keyed: Keyed,
        script: str,
        answers: Mapping[bool, tuple[str, str]],
        hooks: Any,
        largest: int,
        process: str,
    ) -> None:
        """script: the SHA of the script that saves where SET does not compare. answers: what stands
        before and behind a screen that goes on, and the last one. largest: bytes of a record. process: begins
        the revisions of this Plain and of no other.
        hooks: has `compares`, whether SET does; `single`, the Pipeline of all commands, or None: then
        `line(msisdn)` → Pipeline or None;
        `live`, the bundles that are live, by code; `known(name)` → bundle or None; `menu(bundle, code)` →
        Menu; `audience(bundle, network)` → Audience; `heads(second)` → how an answer that goes on, and the
        last one, begin, up to the length; `began(session_id, msisdn)`; `now()` in seconds since the epoch;
        `clock()` in seconds since whenever; `again(body, started)` → the coroutine of the whole turn;
        `broke(error)`; and the cells `under_way` (at `most` so many), `more`, `ended`, `seconds`.
        """
        self.gateway = gateway_of(gateway)
        self.form = form
        self.keyed = keyed
        self.commands = Commands(script, hooks.compares, largest)
        self.answers = Answers(answers, hooks.heads)
        self.hooks = hooks
        self.under_way = hooks.under_way
        self.most = hooks.most
        self.more = hooks.more
        self.ended = hooks.ended
        self.seconds = hooks.seconds
        self.now = hooks.now
        self.clock = hooks.clock
        self._live = hooks.live
        self._line = hooks.line
        self._single = hooks.single
        self.record = Record()
        self.dialog = Dialog(None, {}, 0)
        self._revised = Writer()
        self._raw_code: bytes | None = None  # as in the form before; then what they say
        self._raw_network: bytes | None = None
        self._code = ""
        self._network = ""
        self._screen = 0
        self._process = process.encode()
        self._revision = 0
        self._millisecond = 0
        self._last: Menu | None = None  # that was asked for last, and by which code
        self._last_code = ""
        self._menus: dict = {}  # type: ignore[type-arg]
        self._pinned: dict = {}  # type: ignore[type-arg]

    @cython.ccall
    def begin(self, lane: Lane, body: bytes) -> Request | None:  # noqa: PLR0911
        """Begin the turn of a request; None when the engine had better run it."""
        form: Form = self.form
        if not form.read(body):
            return None
        session_id: bytes | None = form.values[0]
        called: bytes | None = form.values[1]
        text: bytes | None = form.values[4]
        if session_id is None or called is None or text is None or not self._addressed():
            return None
        chars: cython.p_char = called  # a slice of it is made without a slice object
        number: bytes = chars[1 : len(called)] if called.startswith(b"+") else called
        if (
            not 0 < len(session_id) <= form.longest_id
            or len(text) > form.longest_text
            or not is_plain(session_id)
            or not form.numbers(number)
            or self.under_way.value >= self.most
        ):
            return None
        menu: Menu | None = self._menu(self._live.get(self._code), self._code)
        if menu is None:
            return None
        turn: PlainTurn = PlainTurn.__new__(PlainTurn)
        turn.lane = lane
        turn.answer = None
        turn.stage = _LOADING
        turn.first = False
        turn.plain = self
        turn.menu = menu
        turn.body = body
        turn.session_id = session_id
        turn.msisdn = number
        turn.code = self._code
        turn.network = self._network
        turn.text = text
        turn.screen = self._screen
        turn.started = self.clock()
        turn.line = self._single if self._single is not None else self._line(number.decode("ascii"))
        if turn.line is None:
            return None
        if not turn.line.submit(self.commands.load(menu, number), turn):
            return None
        self.under_way.value += 1
        return turn

    @cython.cfunc
    @cython.exceptval(-1)
    def _addressed(self) -> cython.bint:
        """Take the form's service code and network, which mostly are those of the form before."""
        form: Form = self.form
        code: bytes | None = form.values[2]
        network: bytes | None = form.values[3]
        if code is not self._raw_code or not self._code:
            if code is None or not 0 < len(code) <= form.longest_code:
                return False
            self._code = code.decode("ascii")
            self._raw_code = code  # last: had it failed, the old one would go with a new code
        if network is not self._raw_network or not self._network:
            named: str | None = form.default_network if network is None else network.decode("ascii")
            if named is None or len(named) > form.longest_network:
                return False
            self._screen = form.screens.get(named, form.screen)
            self._network = named
            self._raw_network = network
        return True

    @cython.cfunc
    def _menu(self, bundle: object, code: str) -> Menu | None:
        """The live version behind a code."""
        menu: Menu | None = self._last
        if menu is not None and menu.bundle is bundle and self._last_code is code:
            return menu
        menu = self._menus.get(code)
        if menu is None or menu.bundle is not bundle:
            if bundle is None:
                return None
            if len(self._menus) >= _MOST_MENUS:
                self._menus.clear()
            menu = self._menus[code] = self.hooks.menu(bundle, code)
        self._last, self._last_code = menu, code
        return menu

    @cython.cfunc
    def pinned(self, name: str, code: str) -> Menu | None:
        """The version a session began on, when it is not the live one."""
        bundle = self.hooks.known(name)
        menu: Menu | None = self._pinned.get((name, code))
        if bundle is None:
            return None
        if menu is None or menu.bundle is not bundle:
            if len(self._pinned) >= _MOST_PINNED:
                self._pinned.clear()
            menu = self._pinned[(name, code)] = self.hooks.menu(bundle, code)
        return menu

    @cython.cfunc
    def seats(self, menu: Menu, network: str) -> Seats:
        """Where visits to a menu version are counted, by the network as the gateway writes it."""
        found: Seats | None = menu.seats
        if found is not None and menu.network is network:
            return found
        found = menu.networks.get(network)
        if found is None:
            found = Seats(self.hooks.audience(menu.bundle, network))
            if len(menu.networks) < _MOST_NETWORKS:
                menu.networks[network] = found
        menu.seats, menu.network = found, network
        return found

    @cython.cfunc
    def milliseconds(self, now: cython.longlong) -> bytes:
        """A time as records hold it. Many turns fall into one millisecond."""
        if now != self._millisecond:
            self._millisecond = now
            self._now = b"%d" % now
        return self._now

    @cython.cfunc
    def revision(self) -> Writer:
        """A name that no other save has."""
        self._revision += 1
        self._revised.clear()
        self._revised.put(self._process)
        self._revised.number(self._revision)
        return self._revised


@cython.cclass
class PlainTurn(Request):
    """One plain turn under way."""

    @cython.ccall
    def got(self, reply: object) -> object:
        """What Redis answered to the command before."""
        if self.stage == _SAVING:
            if reply in (_OK, 1):
                self._saved()
            else:
                self._leave()
            return None
        try:
            if isinstance(reply, list) and self._load(reply[0], reply[1]):
                return None
        except Exception:  # noqa: S110
            pass  # the engine meets it again, says a sentence and logs it
        self._leave()
        return None

    @cython.ccall
    def lost(self, error: object) -> object:
        """Redis cannot say: the engine loads again. It may be saved: then that finds it answered."""
        if "syntax error" in str(error):  # of a server whose SET does not compare yet
            self.plain.commands.compares = False
        if self.stage == _SAVING and self.first:
            self._began()
        self._leave()
        return None

    @cython.cfunc
    @cython.exceptval(-1)
    def _load(self, session: bytes, profile: bytes) -> cython.bint:  # noqa: PLR0911
        """Step, and submit the save. False: the turn is not plain after all."""
        menu: Menu = self.menu
        plain: Plain = self.plain
        text: bytes = self.text
        record: Record = plain.record
        if profile is None and menu.declared:
            return False  # it is to be asked for
        if session is None:
            if text:
                return False
            self.first = True
            return self._step(menu, "", profile)
        if not record.read(session, plain.gateway, self.session_id) or len(text) <= record.consumed:
            return False
        if record.turn == 0 or record.turn >= _FREE_TURNS:  # claimed; or long enough for its pace to matter
            return False
        used: cython.Py_ssize_t = record.consumed
        if used > 0:
            if text[used] != 42 or not record.was(plain.keyed.of(text, used)):  # *
                return False
            used += 1
        if not record.is_of(menu.name):
            pinned = plain.pinned(record.bundle(), self.code)
            if pinned is None:
                return False
            self.menu = menu = pinned
        return self._step(menu, text[used:].decode("ascii"), profile)

    @cython.cfunc
    @cython.exceptval(-1)
    def _step(self, menu: Menu, typed: str, profile: bytes) -> cython.bint:
        program: Program = menu.program
        plain: Plain = self.plain
        record: Record = plain.record
        subscriber: dict = dict(menu.declared)  # type: ignore[type-arg]
        if profile is not None:
            subscriber.update(_loads(profile))
        dialog: Dialog = plain.dialog
        dialog.anew(subscriber, self.screen)
        result: Result
        now: cython.double = plain.now()
        now_ms: cython.longlong = cython.cast(cython.longlong, now * 1000)
        seen: bytes = plain.milliseconds(now_ms)
        seats: Seats = plain.seats(menu, self.network)
        if self.first:
            record.fresh(plain.gateway, self.session_id, menu.name, seen)
            result = program.begin(dialog)
        else:
            record.restore(dialog)
            state: State | None = program.waiting(dialog)
            place: cython.int = -1 if state is None else state.place
            self.before = seats.at(dialog.language, dialog.state, place)
            self.dwell_ms = now_ms - record.seen
            result = program.answer(dialog, state, typed)
        if result.kind == _NEED:
            return False
        self.after = seats.at(dialog.language, dialog.state, result.place)
        self.refused = result.refused
        self.more = record.more = result.kind == _SHOW
        record.turn += 1
        record.consumed = len(self.text)
        record.digest = plain.keyed.of(self.text, len(self.text))
        self.written = plain.answers.of(result.text, self.more, now_ms // 1000)
        record.write(plain.commands.value(), plain.revision(), seen, result.text, dialog)
        command: bytes | None = plain.commands.save(menu, self.msisdn, record, self.first)
        if command is None:
            return False
        self.stage = _SAVING
        return self.line.submit(command, self)

    @cython.cfunc
    def _began(self) -> object:
        return self.plain.hooks.began(self.session_id.decode("ascii"), self.msisdn.decode("ascii"))

    @cython.cfunc
    def _saved(self) -> None:
        plain: Plain = self.plain
        menu: Menu = self.menu
        if self.first:
            menu.starts.value += 1
            self._began()
            self.after.open(self.more)
        else:
            self.after.follow(self.before, self.dwell_ms, self.refused, self.more)
        plain.under_way.value -= 1
        if self.more:
            plain.more.value += 1
        else:
            plain.ended.value += 1
            menu.ends.value += 1
        now: cython.double = plain.clock()
        plain.seconds.observe(now - self.started)
        self.answer = self.written
        try:
            self.lane.answered()
        except BaseException as error:  # of a turn behind this one, or of the connection: this one is done
            self.lane.abandon()
            plain.hooks.broke(error)

    @cython.cfunc
    def _leave(self) -> None:
        """Hand the turn to the engine, from its beginning."""
        plain: Plain = self.plain
        plain.dialog.forget()
        plain.under_way.value -= 1
        try:
            self.drive(plain.hooks.again(self.body, self.started))
        except BaseException as error:
            self.lane.abandon()
            plain.hooks.broke(error)
