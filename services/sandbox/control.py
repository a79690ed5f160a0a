"""The sandbox's own API under /sandbox: turn its knobs, read its books, play the phone, let time pass.

JSON in, JSON out. What is wrong in a request is a 400 with one sentence under `error`.
"""

from collections.abc import Awaitable, Callable
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

import orjson
from aiohttp import web
from pydantic import ValidationError

from services.sandbox import c2b, sms, statement, stk, wallets
from services.sandbox.answering import as_json
from services.sandbox.core import Sandbox
from services.sandbox.daraja import forget_token
from services.sandbox.faults import FaultError
from services.sandbox.records import OPEN
from services.sandbox.refusals import RefusalError
from services.sandbox.requests import MSISDN, Body, shillings
from services.sandbox.wallets import ORGANISATION, OUTSIDE, UTILITY, WORKING, Move, NotEnoughError

LONGEST_WAIT_S = 120.0
LONGEST_ADVANCE_S = 366 * 86_400.0

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class AskedWrongError(Exception):
    """What is wrong with a request to the control API, in a sentence."""


class Control:
    """The handlers; each is one route."""

    def __init__(self, box: Sandbox) -> None:
        self.box = box

    def routes(self) -> list[web.RouteDef]:
        """Every path under /sandbox."""
        table: list[tuple[str, str, Handler]] = [
            ("GET", "", self.health),
            ("GET", "/certificate", self.certificate),
            ("GET", "/credentials", self.credentials),
            ("GET", "/settings", self.settings),
            ("PATCH", "/settings", self.change_settings),
            ("GET", "/faults", self.faults),
            ("POST", "/faults", self.add_fault),
            ("DELETE", "/faults", self.clear_faults),
            ("DELETE", "/faults/{number:\\d+}", self.clear_faults),
            ("GET", "/wallets", self.wallets),
            ("POST", "/wallets", self.set_wallet),
            ("POST", "/transfer", self.transfer),
            ("GET", "/payments", self.payments),
            ("GET", "/ledger", self.ledger),
            ("GET", "/statement.csv", self.statement),
            ("GET", "/calls", self.calls),
            ("GET", "/callbacks", self.callbacks),
            ("GET", "/stk", self.prompts),
            ("POST", "/stk/{checkout}/answer", self.answer_prompt),
            ("POST", "/pay", self.pay),
            ("GET", "/sms", self.messages),
            ("POST", "/sms/incoming", self.incoming),
            ("POST", "/sms/optout", self.opt_out),
            ("POST", "/token/forget", self.forget_token),
            ("POST", "/settle", self.settle),
            ("POST", "/advance", self.advance),
        ]
        return [web.route(method, f"/sandbox{path}", _told(handler)) for method, path, handler in table]

    async def health(self, _request: web.Request) -> web.Response:
        """It runs, and its books are in order."""
        faults = self.box.world.wallets.faults()
        return as_json({"ok": not faults, "faults": faults}, 200 if not faults else 500)

    async def certificate(self, _request: web.Request) -> web.Response:
        """What clients encrypt the initiator's password to."""
        pem = self.box.keys.certificate_pem
        return web.Response(text=pem, content_type="application/x-pem-file")

    async def credentials(self, request: web.Request) -> web.Response:
        """All that a client has to be told."""
        base_url = f"{request.scheme}://{request.host}"
        return as_json(self.box.settings.client_values(base_url, self.box.keys.certificate_pem))

    async def settings(self, _request: web.Request) -> web.Response:
        """How it behaves."""
        return as_json(self.box.behaviour.model_dump())

    async def change_settings(self, request: web.Request) -> web.Response:
        """Behave otherwise from now on."""
        change(self.box, await _body(request))
        return as_json(self.box.behaviour.model_dump())

    async def faults(self, _request: web.Request) -> web.Response:
        """Every knob that is turned."""
        return as_json([fault.shown() for fault in self.box.faults.all()])

    async def add_fault(self, request: web.Request) -> web.Response:
        """Turn a knob."""
        return as_json(self.box.faults.add(await _body(request)).shown(), 201)

    async def clear_faults(self, request: web.Request) -> web.Response:
        """Turn one back, or all."""
        number = request.match_info.get("number")
        if not self.box.faults.clear(int(number) if number else None):
            raise web.HTTPNotFound(text="No such fault.")
        return as_json({})

    async def wallets(self, _request: web.Request) -> web.Response:
        """Who holds what, in cents."""
        world = self.box.world
        phones = {
            msisdn: {
                "cents": world.wallets.balance(msisdn),
                "name": phone.name,
                "registered": phone.registered,
            }
            for msisdn, phone in world.phones.items()
        }
        sound = not world.wallets.faults()
        return as_json({**world.organisation_cents(), "phones": phones, "sound": sound})

    async def set_wallet(self, request: web.Request) -> web.Response:
        """Give an account a balance; the difference comes from outside, or goes there."""
        body = await _body(request)
        account = _text(body, "account")
        if account not in (UTILITY, WORKING) and not MSISDN.fullmatch(account):
            raise AskedWrongError("`account` is utility, working, or a number such as 254712345678.")
        if MSISDN.fullmatch(account):
            known = self.box.phone(account)
            registered, name = body.get("registered", known.registered), body.get("name", known.name)
            self.box.record(phone=replace(known, registered=bool(registered), name=str(name)))
        if "cents" in body:
            set_balance(self.box, account, _cents(body))
        return as_json({"account": account, "cents": self.box.world.wallets.balance(account)})

    async def transfer(self, request: web.Request) -> web.Response:
        """Between the organisation's own accounts, as somebody does on the portal."""
        body = await _body(request)
        payer, payee, cents = _text(body, "from"), _text(body, "to"), _cents(body)
        if {payer, payee} != {UTILITY, WORKING} or cents == 0:
            raise AskedWrongError("`from` and `to` are utility and working, and `cents` is above 0.")
        number = self.box.world.next("transfer")
        self.box.record(move=self.box.move(f"TRANSFER{number}", "Organization Transfer", payer, payee, cents))
        return as_json(self.box.world.organisation_cents())

    async def payments(self, request: web.Request) -> web.Response:
        """Every transaction that was accepted, and what became of it."""
        wanted = {
            name: request.query[name]
            for name in ("kind", "msisdn", "originator_id", "receipt")
            if name in request.query
        }
        return as_json(
            [
                asdict(payment)
                for payment in self.box.world.payments.values()
                if all(getattr(payment, name) == value for name, value in wanted.items())
            ]
        )

    async def ledger(self, _request: web.Request) -> web.Response:
        """Every move, with its legs."""
        return as_json([asdict(move) for move in self.box.world.wallets.moves])

    async def statement(self, request: web.Request) -> web.Response:
        """The portal's CSV of one account."""
        account = request.query.get("account", UTILITY)
        if account not in ORGANISATION:
            raise AskedWrongError(f"`account` is one of: {', '.join(ORGANISATION)}.")
        since, until = _moment(request, "from"), _moment(request, "to")
        text = statement.statement(self.box, account, since, until)
        return web.Response(text=text, content_type="text/csv")

    async def calls(self, request: web.Request) -> web.Response:
        """Requests that came in, without their credentials."""
        kind = request.query.get("kind")
        return as_json([asdict(call) for call in self.box.calls if kind in (None, call.kind)])

    async def callbacks(self, _request: web.Request) -> web.Response:
        """What was posted, and what is to be."""
        return as_json([asdict(callback) for callback in self.box.world.callbacks.values()])

    async def prompts(self, _request: web.Request) -> web.Response:
        """STK prompts that a phone shows now."""
        return as_json([asdict(payment) for payment in self.box.open_prompts()])

    async def answer_prompt(self, request: web.Request) -> web.Response:
        """The person with the phone answers."""
        word = _text(await _body(request), "answer")
        if word not in stk.ANSWERS:
            raise AskedWrongError(f"`answer` is one of: {', '.join(stk.ANSWERS)}.")
        number = self.box.world.by_conversation.get(request.match_info["checkout"])
        payment = None if number is None else self.box.world.payments[number]
        if payment is None or payment.kind != "stk" or payment.state != OPEN:
            raise web.HTTPNotFound(text="No such prompt, or it is answered.")
        return as_json(asdict(stk.answer(self.box, payment, word)))

    async def pay(self, request: web.Request) -> web.Response:
        """A phone pays the paybill from its M-Pesa menu."""
        body = await _body(request)
        msisdn, cents = _msisdn(body), shillings(body, "amount")
        shortcode = str(body.get("shortcode", self.box.settings.paybill))
        if shortcode not in self.box.settings.shortcodes:
            raise AskedWrongError("`shortcode` is not one of ours.")
        payment = c2b.pay(self.box, msisdn, cents, str(body.get("account", "")), shortcode)
        return as_json({"receipt": payment.receipt, "state": payment.state}, 202)

    async def messages(self, request: web.Request) -> web.Response:
        """SMS sent and received."""
        msisdn = request.query.get("msisdn")
        messages = self.box.world.messages.values()
        return as_json([asdict(message) for message in messages if msisdn in (None, message.msisdn)])

    async def incoming(self, request: web.Request) -> web.Response:
        """A phone sends us a text."""
        body = await _body(request)
        return as_json(asdict(sms.receive(self.box, _msisdn(body), _text(body, "text"), _text(body, "to"))))

    async def opt_out(self, request: web.Request) -> web.Response:
        """A phone wants no more messages."""
        body = await _body(request)
        sms.opt_out(self.box, _msisdn(body), str(body.get("sender_id", "")))
        return as_json({})

    async def forget_token(self, _request: web.Request) -> web.Response:
        """The token given out is void."""
        forget_token(self.box)
        return as_json({})

    async def settle(self, request: web.Request) -> web.Response:
        """Do all that is scheduled now."""
        body = await _body(request)
        return as_json(await self.box.settle(_seconds(body, "timeout", 10.0, LONGEST_WAIT_S)))

    async def advance(self, request: web.Request) -> web.Response:
        """Let time pass."""
        body = await _body(request)
        seconds = _seconds(body, "seconds", None, LONGEST_ADVANCE_S)
        return as_json(await self.box.advance(seconds, _seconds(body, "timeout", 10.0, LONGEST_WAIT_S)))


def change(box: Sandbox, changes: Body) -> None:
    """Change the behaviour; all of it is checked before any of it counts."""
    box.settings.behaviour = type(box.behaviour).model_validate({**box.behaviour.model_dump(), **changes})
    box.agenda.pause(box.behaviour.paused)


def set_balance(box: Sandbox, account: str, cents: int) -> None:
    """Make an account hold so much."""
    difference = cents - box.world.wallets.balance(account)
    if difference == 0:
        return
    number = box.world.next("deposit")
    reason = "Deposit" if difference > 0 else "Withdrawal"
    legs = wallets.between(OUTSIDE, account, difference)
    box.record(move=Move(f"{reason.upper()}{number}", reason, box.now().isoformat(), legs))


def _told(handler: Handler) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except (AskedWrongError, FaultError) as error:
            return as_json({"error": str(error)}, 400)
        except RefusalError as error:
            return as_json({"error": error.refusal.message}, 400)
        except NotEnoughError as error:
            return as_json({"error": f"{error} does not hold that much."}, 409)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            return as_json({"error": f"`{'.'.join(map(str, first['loc']))}`: {first['msg']}."}, 400)
        except web.HTTPNotFound as error:
            return as_json({"error": error.text}, 404)

    return handle


async def _body(request: web.Request) -> Body:
    raw = await request.read()
    try:
        body = orjson.loads(raw) if raw else {}
    except orjson.JSONDecodeError:
        body = None
    if not isinstance(body, dict):
        raise AskedWrongError("Send a JSON object.")
    return body


def _text(body: Body, name: str) -> str:
    given = body.get(name)
    if not isinstance(given, str) or not given:
        raise AskedWrongError(f"`{name}` is needed, as text.")
    return given


def _msisdn(body: Body) -> str:
    given = _text(body, "msisdn").lstrip("+")
    if not MSISDN.fullmatch(given):
        raise AskedWrongError("`msisdn` is a number such as 254712345678.")
    return given


def _cents(body: Body) -> int:
    given: Any = body.get("cents")
    if type(given) is not int or given < 0:
        raise AskedWrongError("`cents` is a whole number of at least 0.")
    return given


def _seconds(body: Body, name: str, usual: float | None, most: float) -> float:
    given = body.get(name, usual)
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 <= given <= most:
        raise AskedWrongError(f"`{name}` is a number of seconds from 0 to {most:g}.")
    return float(given)


def _moment(request: web.Request, name: str) -> datetime | None:
    if name not in request.query:
        return None
    try:
        moment = datetime.fromisoformat(request.query[name])
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise AskedWrongError(f"`{name}` is a time such as 2026-11-23T08:00:00+03:00.")
    return moment
