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

from .cells import Count
from .dialog import NEED, SHOW, Dialog, Result, blank
from .form import Form, plain_fields
from .joined import joined
from .lane import Lane, Request
from .program import Program
from .record import Record, gateway_of, identity_of, owner_of, written
from .siphash import Keyed
from .visits import Audience

_MOST_MENUS = 64
_MOST_PINNED = 8  # a bundle that is kept here stays in memory
FREE_TURNS = 60  # of a session. Whoever presses on is looked at by the engine: ussd_engine/pace.py
_FREE_TURNS = cython.declare(cython.longlong, FREE_TURNS)
_MOST_NETWORKS = 64  # as a gateway writes them
# How Redis is told that so many bytes follow.
_SIZES = cython.declare(list, [b"$%d\r\n" % length for length in range(8192)])
_LENGTHS = cython.declare(list, [b"%d\r\n\r\n" % length for length in range(1024)])
_loads = cython.declare(object, orjson.loads)
_LOADING, _SAVING = 0, 1


@cython.cclass
class Menu:
    """A menu version that answers a service code, as plain turns need it."""

    def __init__(self, bundle: Any, code: str, starts: Count, ends: Count) -> None:
        """bundle: has a name, a service, a program and ttl_s. starts, ends: counters of its sessions."""
        self.bundle = bundle
        self.name = bundle.name
        self.program = bundle.program
        self.declared = bundle.program.tables["subscriber"]
        self.starts = starts
        self.ends = ends
        self._code = code.encode()
        self._service = bundle.service.encode()
        ttl = str(bundle.ttl_s * 1000).encode()
        self._ttl = b"\r\n$%d\r\n%b\r\n" % (len(ttl), ttl)
        self._keys: dict = {}  # type: ignore[type-arg]
        self.audiences: dict = {}  # type: ignore[type-arg]

    @cython.cfunc
    def keys(self, length: cython.Py_ssize_t) -> tuple:  # type: ignore[type-arg]
        """What stands before and behind the MSISDN (of that length) in the session's key and in the
        profile's."""
        parts = self._keys.get(length)
        if parts is None:
            session = len(b"ussd:{}:") + length + len(self._code)
            profile = len(b"ussd:{}:profile:") + length + len(self._service)
            parts = self._keys[length] = (
                b"$%d\r\nussd:{" % session,
                b"}:%b\r\n" % self._code,
                b"$%d\r\nussd:{" % profile,
                b"}:profile:%b\r\n" % self._service,
            )
        return parts


@cython.cclass
class Plain:
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
        """script: the SHA of the script that saves. answers: what stands before and behind a screen that
        goes on, and the last one. largest: bytes of a record. process: begins the revisions of this Plain and
        of no other.
        hooks: has `single`, the Pipeline of all commands, or None: then `line(msisdn)` → Pipeline or None;
        `live`, the bundles that are live, by code; `known(name)` → bundle or None; `menu(bundle, code)` →
        Menu; `audience(bundle, network)` → Audience; `heads(second)` → how an answer that goes on, and the
        last one, begin, up to the length; `began(session_id, msisdn)`; `now()` in seconds since the epoch;
        `clock()` in seconds since whenever; `again(body, started)` → the coroutine of the whole turn;
        `broke(error)`; and the cells `under_way` (at `most` so many), `more`, `ended`, `seconds`.
        """
        self.gateway = gateway_of(gateway)
        self.form = form
        self.keyed = keyed
        self.save = b"*7\r\n$7\r\nEVALSHA\r\n$40\r\n%b\r\n$1\r\n1\r\n" % script.encode()
        self.before_more, self.after_more = (part.encode() for part in answers[True])
        self.before_end, self.after_end = (part.encode() for part in answers[False])
        self.hooks = hooks
        self.under_way = hooks.under_way
        self.most = hooks.most
        self.more = hooks.more
        self.ended = hooks.ended
        self.seconds = hooks.seconds
        self.now = hooks.now
        self.clock = hooks.clock
        self.largest = min(largest, len(_SIZES) - 1)
        self._live = hooks.live
        self._line = hooks.line
        self._single = hooks.single
        self._process = process.encode()
        self._revision = 0
        self._second = 0
        self._millisecond = 0
        self._menus: dict = {}  # type: ignore[type-arg]
        self._pinned: dict = {}  # type: ignore[type-arg]

    @cython.ccall
    def begin(self, lane: Lane, body: bytes) -> Request | None:
        """Begin the turn of a request; None when the engine had better run it."""
        form: Form = self.form
        fields: list | None = plain_fields(body, form.wanted)  # type: ignore[type-arg]
        if fields is None:
            return None
        session_id: str | None = fields[0]
        number: str | None = fields[1]
        code: str | None = fields[2]
        network: str | None = form.default_network if fields[3] is None else fields[3]
        text: str | None = fields[4]
        if session_id is None or number is None or code is None or text is None or network is None:
            return None
        if number[:1] == "+":
            number = number[1:]
        if (
            not 0 < len(session_id) <= form.longest_id
            or not 0 < len(code) <= form.longest_code
            or len(network) > form.longest_network
            or len(text) > form.longest_text
            or not form.numbers(number)
            or self.under_way.value >= self.most
        ):
            return None
        menu: Menu | None = self._menu(self._live.get(code), code)
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
        turn.code = code
        turn.network = network
        turn.text = text
        turn.screen = form.screens.get(network, form.screen)
        turn.started = self.clock()
        turn.line = self._single if self._single is not None else self._line(number)
        digits: bytes = number.encode()
        keys: tuple = menu.keys(len(digits))  # type: ignore[type-arg]
        command: bytes = joined((b"*3\r\n$4\r\nMGET\r\n", keys[0], digits, keys[1], keys[2], digits, keys[3]))
        if turn.line is None or not turn.line.submit(command, turn):
            return None
        self.under_way.value += 1
        return turn

    @cython.cfunc
    def _menu(self, bundle: object, code: str) -> Menu | None:
        """The live version behind a code."""
        menu: Menu | None = self._menus.get(code)
        if menu is None or menu.bundle is not bundle:
            if bundle is None:
                return None
            if len(self._menus) >= _MOST_MENUS:
                self._menus.clear()
            menu = self._menus[code] = self.hooks.menu(bundle, code)
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
    def audience(self, menu: Menu, network: str) -> Audience:
        """Where visits to a menu version are counted, by the network as the gateway writes it."""
        found: Audience | None = menu.audiences.get(network)
        if found is None:
            found = self.hooks.audience(menu.bundle, network)
            if len(menu.audiences) < _MOST_NETWORKS:
                menu.audiences[network] = found
        return found

    @cython.cfunc
    def milliseconds(self, now: cython.longlong) -> bytes:
        """A time as records hold it. Many turns fall into one millisecond."""
        if now != self._millisecond:
            self._millisecond = now
            self._now = _number(now)
        return self._now

    @cython.cfunc
    def revision(self) -> bytes:
        """A name that no other save has."""
        self._revision += 1
        return joined((self._process, _number(self._revision)))

    @cython.cfunc
    def written(self, text: str, more: cython.bint, now: float) -> bytes:
        """The whole HTTP answer."""
        if int(now) != self._second:
            self._second = int(now)
            self._head_more, self._head_end = self.hooks.heads(self._second)
        head: bytes = self._head_more if more else self._head_end
        before: bytes = self.before_more if more else self.before_end
        after: bytes = self.after_more if more else self.after_end
        body: bytes = text.encode()
        return joined((head, _length(len(before) + len(body) + len(after)), before, body, after))


@cython.cfunc
@cython.boundscheck(False)
@cython.wraparound(False)
def _number(number: cython.longlong) -> bytes:
    """A whole number above zero in digits."""
    if not cython.compiled:
        return b"%d" % number
    digits = cython.declare(cython.char[20])
    place: cython.Py_ssize_t = 20
    while number > 0:
        place -= 1
        digits[place] = 48 + number % 10
        number //= 10
    return digits[place:20]


@cython.cfunc
def _length(length: cython.Py_ssize_t) -> bytes:
    """A Content-Length and the end of the head."""
    return _LENGTHS[length] if length < len(_LENGTHS) else b"%d\r\n\r\n" % length


@cython.cclass
class PlainTurn(Request):
    """One plain turn under way."""

    @cython.ccall
    def got(self, reply: object) -> object:
        """What Redis answered to the command before."""
        if self.stage == _SAVING:
            if reply == 1:
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
    def lost(self, _error: object) -> object:
        """Redis cannot say: the engine loads again. It may be saved: then that finds it answered."""
        if self.stage == _SAVING and self.first:
            self.plain.hooks.began(self.session_id, self.msisdn)
        self._leave()
        return None

    @cython.cfunc
    def _load(self, session: bytes, profile: bytes) -> cython.bint:  # noqa: PLR0911
        """Step, and submit the save. False: the turn is not plain after all."""
        menu: Menu = self.menu
        plain: Plain = self.plain
        text: str = self.text
        record: Record = Record.__new__(Record)
        record.turn = 0
        owner: bytes = owner_of(plain.gateway, self.session_id)
        if profile is None and menu.declared:
            return False  # it is to be asked for
        self.typed = text.encode()  # ASCII: a plain form has nothing else
        if session is None:
            if text:
                return False
            record.identity = identity_of(owner, menu.name)
            return self._step(menu, record, "", profile)
        if not record.read(session, owner) or len(text) <= record.consumed:
            return False
        if record.turn == 0 or record.turn >= _FREE_TURNS:  # claimed; or long enough for its pace to matter
            return False
        used: cython.Py_ssize_t = record.consumed
        if used == 0:
            typed: str = text
        elif text[used] == "*" and plain.keyed.of(self.typed, used) == record.digest:
            typed = text[used + 1 :]
        else:
            return False
        if record.bundle != menu.name:
            pinned = plain.pinned(record.bundle, self.code)
            if pinned is None:
                return False
            self.menu = menu = pinned
        return self._step(menu, record, typed, profile)

    @cython.cfunc
    def _step(self, menu: Menu, record: Record, typed: str, profile: bytes) -> cython.bint:
        program: Program = menu.program
        plain: Plain = self.plain
        subscriber: dict = dict(menu.declared)  # type: ignore[type-arg]
        if profile is not None:
            subscriber.update(_loads(profile))
        dialog: Dialog = blank(subscriber, self.screen)
        result: Result
        now: float = plain.now()
        now_ms: cython.longlong = int(now * 1000)
        seen: bytes = plain.milliseconds(now_ms)
        audience: Audience = plain.audience(menu, self.network)
        if record.turn == 0:
            record.expected = b""
            record.started = seen
            result = program.begin(dialog)
        else:
            dialog.restore(record.dialog)
            self.before = audience.at(dialog.language, dialog.state)
            self.dwell_ms = now_ms - record.seen
            result = program.step(dialog, typed)
        if result.kind == NEED:
            return False
        self.after = audience.at(dialog.language, dialog.state)
        self.refused = result.refused
        self.more = record.more = result.kind == SHOW
        self.first = record.turn == 0
        record.turn += 1
        record.consumed = len(self.text)
        record.digest = plain.keyed.of(self.typed, len(self.typed))
        self.written = plain.written(result.text, self.more, now)
        value: bytes = written(record, plain.revision(), seen, result.text, dialog.dump())
        return self._save(menu, record.expected, value)

    @cython.cfunc
    def _save(self, menu: Menu, expected: bytes, value: bytes) -> cython.bint:
        plain: Plain = self.plain
        if len(value) > plain.largest:
            return False
        digits: bytes = self.msisdn.encode()
        keys: tuple = menu.keys(len(digits))  # type: ignore[type-arg]
        self.stage = _SAVING
        return self.line.submit(
            joined(
                (
                    plain.save, keys[0], digits, keys[1],
                    _SIZES[len(expected)], expected, b"\r\n", _SIZES[len(value)], value, menu._ttl,
                )
            ),
            self,
        )  # fmt: skip

    @cython.cfunc
    def _saved(self) -> None:
        plain: Plain = self.plain
        menu: Menu = self.menu
        if self.first:
            menu.starts.value += 1
            plain.hooks.began(self.session_id, self.msisdn)
            self.after.open(self.more)
        else:
            self.after.follow(self.before, self.dwell_ms, self.refused, self.more)
        plain.under_way.value -= 1
        if self.more:
            plain.more.value += 1
        else:
            plain.ended.value += 1
            menu.ends.value += 1
        plain.seconds.observe(plain.clock() - self.started)
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
        plain.under_way.value -= 1
        try:
            self.drive(plain.hooks.again(self.body, self.started))
        except BaseException as error:
            self.lane.abandon()
            plain.hooks.broke(error)
