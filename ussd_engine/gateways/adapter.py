"""The one adapter: reads any gateway's requests by its map, and writes its answers.

Pure and quick, for it runs in every turn: bytes in, a Turn out, or a GatewayError and nothing else;
a Reply in, an HTTP answer out. Whoever holds the connection (the aiohttp server, the fast lane, a test)
does the I/O around it.
"""

import ipaddress
import operator
import re
from collections.abc import Callable, Mapping
from functools import lru_cache

from core_ext.form import Form
from ussd_engine.errors import GatewayError
from ussd_engine.gateways.answer import HttpAnswer, Template
from ussd_engine.gateways.map import EventRoute, GatewayMap, TurnRoute, WireField
from ussd_engine.gateways.reading import FieldReader, PathFields, RouteReader, RuleReader
from ussd_engine.numbers import MAX_LENGTH, places_of, require_msisdn
from ussd_engine.turn import Family, Reply, SessionEvent, Turn

MAX_SESSION_ID = 128
MAX_SERVICE_CODE = 64
MAX_NETWORK = 32
MAX_ERROR = 200
UNKNOWN_STATUS = "Other"
ADDRESSES_REMEMBERED = 4096


class Adapter:
    """A gateway's requests and answers, by its map."""

    def __init__(self, gateway_map: GatewayMap, max_body: int = 8192) -> None:
        self.map = gateway_map
        self.name = gateway_map.gateway
        self._networks = {
            code: (network.name, network.screen or gateway_map.screen)
            for code, network in gateway_map.networks.items()
        }
        plain = gateway_map.numbers.plain
        self._is_plain = None if plain is None else re.compile(plain.pattern, re.ASCII).fullmatch
        self._places = None if plain is None else places_of(plain.pattern)
        self._country = gateway_map.numbers.country
        self._screen = gateway_map.screen
        self._deadline_s = gateway_map.deadline
        self._more = Template(gateway_map.answer.more, self.name)
        self._end = Template(gateway_map.answer.end, self.name)
        self._answer_status = gateway_map.answer.status
        self._answer_type = gateway_map.answer.type
        self._echoes = tuple(dict.fromkeys((*self._more.echoes, *self._end.echoes)))
        self._compile_turn(gateway_map.turn, gateway_map.text_max, max_body)
        self._event = None if gateway_map.event is None else _EventReader(self, gateway_map.event, max_body)
        self.admits = lru_cache(ADDRESSES_REMEMBERED)(self._admits)

    def _compile_turn(self, route: TurnRoute, text_max: int, max_body: int) -> None:
        fields = route.fields
        self._family = route.family
        self._first = None if route.first is None else RuleReader(route.first, required=True)
        self._over = None if route.over is None else RuleReader(route.over, required=False)
        self._msisdn = FieldReader(fields.msisdn, MAX_LENGTH, least=1)
        self._text_max = text_max
        self._readers = (
            FieldReader(fields.session_id, MAX_SESSION_ID, least=1),
            self._msisdn,
            FieldReader(fields.service_code, MAX_SERVICE_CODE, least=1),
            FieldReader(fields.network, MAX_NETWORK),
            FieldReader(fields.text, text_max),
        )
        plain = all(reader.plain for reader in self._readers)
        self._pick: Callable[[dict[str, str]], tuple[str, ...]] = (
            operator.itemgetter(*(reader.name for reader in self._readers)) if plain else self._pick_slowly
        )
        names = {*_names(fields), *self._echoes}
        for rule in (self._first, self._over):
            names.update(() if rule is None else rule.names)
        self._turns = RouteReader(route, names, max_body)

    def _pick_slowly(self, fields: dict[str, str]) -> tuple[str, ...]:
        """The turn's five values, with defaults and patterns; raises GatewayError for a bad one."""
        return tuple([reader(fields) for reader in self._readers])

    def understand(
        self,
        method: str,
        content_type: str,
        query: str,
        body: bytes,
        path_fields: PathFields | None = None,
    ) -> Turn | SessionEvent:
        """What a request on the turn's path says. Raises GatewayError when it is not this gateway's.

        A gateway without an event route may say here that the session is over: then a SessionEvent.
        """
        fields = self._turns.read(method, content_type, query, body, path_fields)
        try:
            session_id, number, service_code, network, text = self._pick(fields)
        except KeyError:
            session_id, number, service_code, network, text = self._pick_slowly(fields)
        if (
            not (0 < len(session_id) <= MAX_SESSION_ID and 0 < len(service_code) <= MAX_SERVICE_CODE)
            or len(text) > self._text_max
            or len(network) > MAX_NETWORK
        ):
            self._pick_slowly(fields)  # raises, and says which field it is
        msisdn = self.number(number, self._msisdn)
        network, screen = self._networks.get(network) or (network, self._screen)
        if self._over is not None and self._over(fields):
            return SessionEvent(self.name, session_id, msisdn, service_code, network, self._over.status)
        return Turn(
            self.name,
            session_id,
            msisdn,
            service_code,
            network,
            text,
            self._family,
            self._first is not None and self._first(fields),
            screen,
            self._deadline_s,
            tuple([(name, fields.get(name, "")) for name in self._echoes]) if self._echoes else (),
        )

    def plain(self) -> tuple[Form, dict[bool, tuple[str, str]]] | None:
        """How forms are read and answers written by `core_ext.plain`; None when this map needs more than
        five fields of a form, cumulative text, and a screen with something before and behind it."""
        around = {True: self._more.around, False: self._end.around}
        if (
            self._is_plain is None
            or self._family is not Family.CUMULATIVE
            or self._over is not None
            or self._first is not None
            or None in around.values()
            or not all(reader.plain for reader in self._readers)
        ):
            return None
        session_id, number, code, network, text = self._readers
        form = Form(
            (session_id.name, number.name, code.name, network.name, text.name),
            (MAX_SESSION_ID, MAX_SERVICE_CODE, MAX_NETWORK, self._text_max),
            network.default,
            self._is_plain,
            self._places,
            {sent: screen for sent, (_, screen) in self._networks.items()},
            self._screen,
        )
        return form, {more: found for more, found in around.items() if found is not None}

    def notice(
        self,
        method: str,
        content_type: str,
        query: str,
        body: bytes,
        path_fields: PathFields | None = None,
    ) -> SessionEvent:
        """What a request on the event's path says. Raises GatewayError when it is not this gateway's."""
        if self._event is None:
            raise GatewayError(f"gateway {self.name} has no events", status=404, reason="no_events")
        return self._event.read(method, content_type, query, body, path_fields)

    def answer(self, reply: Reply, turn: Turn | None = None) -> HttpAnswer:
        """The reply as this gateway wants it. turn is needed by maps whose answers repeat its fields."""
        template = self._more if reply.more else self._end
        return HttpAnswer(
            self._answer_status, self._answer_type, template.body(reply.text, turn), template.headers
        )

    def body(self, reply: Reply, turn: Turn | None = None) -> bytes:
        """The body of `answer` alone."""
        return (self._more if reply.more else self._end).body(reply.text, turn)

    def number(self, raw: str, field: FieldReader) -> str:
        """The MSISDN that a field's value is."""
        digits = raw[1:] if raw[:1] == "+" else raw
        if self._is_plain is not None and self._is_plain(digits) is not None:
            return digits
        return require_msisdn(raw, self._country, field.name)

    def network(self, code: str) -> str:
        """The name of a network; of an unknown one its code."""
        return self._networks.get(code, (code, 0))[0]

    def _admits(self, address: str) -> bool:
        """Whether a caller at this address may use this gateway's routes."""
        if not self.map.callers:
            return True
        try:
            caller = ipaddress.ip_address(address)
        except ValueError:
            return False
        mapped = getattr(caller, "ipv4_mapped", None)
        return any((mapped or caller) in network for network in self.map.callers)


class _EventReader:
    """Reads end-of-session notices."""

    def __init__(self, adapter: Adapter, route: EventRoute, max_body: int) -> None:
        self._adapter = adapter
        fields = route.fields
        self._session_id = FieldReader(fields.session_id, MAX_SESSION_ID, least=1)
        self._msisdn = FieldReader(fields.msisdn, MAX_LENGTH, least=1)
        self._service_code = FieldReader(fields.service_code, MAX_SERVICE_CODE)
        self._network = FieldReader(fields.network, MAX_NETWORK)
        self._status = FieldReader(fields.status, MAX_NETWORK, least=1)
        self._cost = FieldReader(fields.cost, MAX_NETWORK)
        self._duration_ms = FieldReader(fields.duration_ms, 12)
        self._hops = FieldReader(fields.hops, 6)
        self._error = FieldReader(fields.error, MAX_ERROR)
        self._statuses = {theirs.lower(): ours for theirs, ours in route.statuses.items()}
        self._route = RouteReader(route, _names(fields), max_body)

    def read(
        self, method: str, content_type: str, query: str, body: bytes, path_fields: PathFields | None
    ) -> SessionEvent:
        fields = self._route.read(method, content_type, query, body, path_fields)
        return SessionEvent(
            gateway=self._adapter.name,
            session_id=self._session_id(fields),
            msisdn=self._adapter.number(self._msisdn(fields), self._msisdn),
            service_code=self._service_code(fields),
            network=self._adapter.network(self._network(fields)),
            status=self._statuses.get(self._status(fields).lower(), UNKNOWN_STATUS),
            cost=self._cost(fields),
            duration_ms=_whole(self._duration_ms, fields),
            hops=_whole(self._hops, fields),
            error=self._error.cut(fields),
        )


def _names(fields: object) -> list[str]:
    """The wire names that a map's fields are read from."""
    held = (getattr(fields, name) for name in type(fields).model_fields)  # type: ignore[attr-defined]
    return [field.name for field in held if isinstance(field, WireField) and field.name]


def _whole(field: FieldReader, fields: Mapping[str, str]) -> int:
    """A whole number; what is left empty is 0."""
    text = field(fields)
    if text.isascii() and text.isdigit():
        return int(text)
    if not text:
        return 0
    raise GatewayError(f"{field.name} must be a whole number", reason="wrong_type")
