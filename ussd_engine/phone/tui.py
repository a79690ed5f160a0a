"""The feature phone on a terminal's screen, by textual (extra `phone`).

Keys: digits, * and # type; Enter is the green key, Escape the red one, F5 sends the turn again, Ctrl-Q
leaves. The keypad works by mouse too.
"""

from collections.abc import Awaitable, Callable
from typing import ClassVar

from textual import on, work
from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Grid, Horizontal, Vertical, VerticalScroll
from textual.widgets import Button, Footer, Input, Static

from ussd_engine.phone.gateway import Call
from ussd_engine.phone.handset import NETWORKS, HandsetError, Screen, State

KEYS = ("1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#")
_NAMES = {"*": "star", "#": "hash"}


class PhoneApp(App[None]):
    """One handset, with its call."""

    CSS_PATH = "tui.tcss"
    TITLE = "USSD phone"
    ENABLE_COMMAND_PALETTE = False
    VERTICAL_BREAKPOINTS = [(0, "-short"), (31, "-tall")]  # noqa: RUF012 — declared by textual
    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape", "hang_up", "Hang up"),
        ("f5", "retry", "Send again"),
        ("f6", "redial", "Dial again"),
        ("ctrl+q", "quit", "Leave"),
    ]

    def __init__(self, call: Call, code: str) -> None:
        super().__init__()
        self.call = call
        self.code = code

    def compose(self) -> ComposeResult:
        """The handset: screen, line, green and red key, keypad."""
        handset = self.call.handset
        with Container(id="table"), Vertical(id="handset"):
            with Vertical(id="lcd"):
                with Horizontal(id="status"):
                    yield Static(f"▂▄▆ {NETWORKS.get(handset.network, handset.network)}", id="carrier")
                    yield Static(handset.msisdn, id="msisdn")
                with VerticalScroll(id="paper"):
                    yield Static("", id="screen", markup=False)
                yield Input(id="entry", placeholder="Code", select_on_focus=False)
                yield Static("", id="fill", markup=False)
            with Horizontal(id="controls"):
                yield Button("Call", id="call")
                yield Button("End", id="end")
            with Grid(id="keypad"):
                for key in KEYS:
                    yield Button(key, id=f"key-{_NAMES.get(key, key)}", classes="key", name=key)
        yield Footer()

    def on_mount(self) -> None:
        """Ready to dial: the code is typed already."""
        entry = self.query_one("#entry", Input)
        entry.value = self.code
        entry.cursor_position = len(self.code)
        entry.focus()
        self._draw("Press Enter to dial.")

    @on(Button.Pressed, ".key")
    def type_key(self, event: Button.Pressed) -> None:
        """A key of the keypad."""
        entry = self.query_one("#entry", Input)
        entry.insert_text_at_cursor(event.button.name or "")
        entry.focus()

    @on(Input.Submitted)
    @on(Button.Pressed, "#call")
    def press_call(self) -> None:
        """The green key: dial, or send the reply."""
        entry = self.query_one("#entry", Input)
        typed, entry.value = entry.value, ""
        entry.focus()
        if self.call.handset.state is State.ASKED:
            self._turn(lambda: self.call.answer(typed))
        elif typed:
            self._turn(lambda: self.call.dial(typed))
        else:
            self.action_redial()

    @on(Button.Pressed, "#end")
    @work(group="line")
    async def press_end(self) -> None:
        """The red key."""
        await self._leave()

    @work(group="line")
    async def action_hang_up(self) -> None:
        """Leave the session."""
        await self._leave()

    def action_retry(self) -> None:
        """The last turn again."""
        self._turn(self.call.retry)

    def action_redial(self) -> None:
        """A new session on the same code."""
        self._turn(self.call.redial)

    async def _leave(self) -> None:
        await self.call.hang_up()
        entry = self.query_one("#entry", Input)
        entry.value = self.call.handset.dialled or self.code
        entry.cursor_position = len(entry.value)
        self._draw("Call ended.")

    @work(group="line")
    async def _turn(self, send: Callable[[], Awaitable[Screen]]) -> None:
        if self.call.handset.state is State.SENDING:
            return
        try:
            screen = await send()
        except HandsetError as error:
            self.notify(str(error), severity="warning")
            return
        if screen.problem:
            self.notify(screen.problem, severity="error", title="The gateway would give up")
        over = "" if screen.more else ", session over"
        self._draw(screen.text, f"{self.call.fill}{over}")

    def _draw(self, text: str, fill: str = "") -> None:
        asked = self.call.handset.state is State.ASKED
        self.query_one("#screen", Static).update(text)
        self.query_one("#fill", Static).update(fill)
        self.query_one("#call", Button).label = "Send" if asked else "Call"
        self.query_one("#entry", Input).placeholder = "Reply" if asked else "Code"
        self.query_one("#paper", VerticalScroll).scroll_home(animate=False)
