"""A small server for the phone to call: a scripted dialog behind the gateway's route.

It is no engine. It answers from the cumulative text alone and remembers what was posted, so that the
tests of the phone see exactly what a gateway would have sent.
"""

from dataclasses import dataclass, field

from aiohttp import web

from ussd_engine.phone.events import EventBoard
from ussd_engine.phone.gateway import ServiceCode
from ussd_engine.phone.web import routes

CODE = "*384*89598#"
MAIN = "CON Umoja Loans\n1 Apply for a loan\n2 Loan status\n3 Repay\n4 My statement\n5 Wallet and limit"
AMOUNT = "CON You can borrow KES 500 to 5,000.\nEnter amount:\n0 Back 00 Home"
PIN = (
    "CON KES 500 for business. You repay KES 580.00 by 23/12/2026: fee 75.00, excise 5.00, "
    "APR 182.5%.\nEnter your PIN to agree:\n0 Back"
)
DONE = "END Sent. Ref UL7Q2M4. KES 500 will reach your M-Pesa shortly."
WRONG = "CON That is not one of the choices. "


@dataclass
class StandIn:
    """The app, what was posted to it, and the board its page reads."""

    events: EventBoard = field(default_factory=EventBoard)
    turns: list[dict[str, str]] = field(default_factory=list)
    endings: list[dict[str, str]] = field(default_factory=list)
    answers: list[tuple[int, str]] = field(default_factory=list)  # said before the script's own

    def app(self) -> web.Application:
        app = web.Application()
        app.add_routes(
            [
                web.post("/api/v1/ussd", self.turn),
                web.post("/api/v1/ussd/events", self.ended),
                *routes(self.events, lambda: [ServiceCode(CODE, "umoja")]),
            ]
        )
        app.on_shutdown.append(self._close)
        return app

    async def turn(self, request: web.Request) -> web.Response:
        form = {key: str(value) for key, value in (await request.post()).items()}
        again = bool(self.turns) and self.turns[-1] == form
        self.turns.append(form)
        if self.answers:
            status, body = self.answers.pop(0)
            return web.Response(status=status, text=body)
        body, state, actions = script(form["text"])
        self._report(form["phoneNumber"], form["text"].split("*"), body, state, actions, again=again)
        return web.Response(text=body)

    async def ended(self, request: web.Request) -> web.Response:
        form = {key: str(value) for key, value in (await request.post()).items()}
        self.endings.append(form)
        hops = int(form["hopsCount"])
        self.events.publish(form["phoneNumber"], "over", status=form["status"], hops=hops)
        return web.Response(text="")

    def _report(
        self, msisdn: str, inputs: list[str], body: str, state: str, actions: list[str], *, again: bool
    ) -> None:
        """Publish what the engine would."""
        shown = "••••" if len(inputs) == 3 else inputs[-1]
        if again:
            self.events.publish(msisdn, "repeat")
            return
        for name in actions:
            self.events.publish(msisdn, "action", name=name, outcome="ok", ms=3.2)
        turn = 1 if inputs == [""] else len(inputs) + 1
        more = body.startswith("CON")
        self.events.publish(
            msisdn,
            "turn",
            input=shown,
            state=state,
            turn=turn,
            text=body[4:],
            more=more,
            language="en",
            page=0,
        )

    async def _close(self, app: web.Application) -> None:
        self.events.close()


def script(text: str) -> tuple[str, str, list[str]]:
    """What the dialog says to this text, the state it is in, and the actions it called."""
    inputs = text.split("*") if text else []
    match inputs:
        case []:
            return MAIN, "main", []
        case ["1"]:
            return AMOUNT, "amount", ["loans.limit"]
        case ["1", "500"]:
            return PIN, "confirm", ["loans.quote"]
        case ["1", "500", _]:
            return DONE, "done", ["loans.apply"]
        case _:
            return WRONG + MAIN.removeprefix("CON Umoja Loans"), "main", []
