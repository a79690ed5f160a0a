"""One route of a map, compiled: is this the method and the content type, and what do its fields say."""

from collections.abc import Iterable, Mapping

from ussd_engine.errors import GatewayError
from ussd_engine.gateways.map import Route, Rule, WireField
from ussd_engine.gateways.wire import parse_form, parse_json

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
_MEDIA = {"form": FORM, "json": JSON}
_REMEMBERED_TYPES = 64

PathFields = Mapping[str, str]


class RouteReader:
    """Reads requests of one route into named texts."""

    def __init__(self, route: Route, names: Iterable[str], max_body: int) -> None:
        self.path = route.path
        self.method = route.method
        self._from_query = "query" in route.encoding
        self._media = [_MEDIA[encoding] for encoding in route.encoding if encoding in _MEDIA]
        self._types: dict[str, str] = {media: media for media in self._media}
        self._names = {name: tuple(name.split(".")) for name in names}
        self._max_body = max_body

    def read(
        self, method: str, content_type: str, query: str, body: bytes, path_fields: PathFields | None
    ) -> dict[str, str]:
        """The request's fields. Raises GatewayError for one this route does not take."""
        if method != self.method:
            raise GatewayError(f"use {self.method} here", status=405, reason="method")
        if len(body) > self._max_body:
            raise GatewayError(
                f"the body is longer than {self._max_body} bytes", status=413, reason="too_large"
            )
        media = self._types.get(content_type) or self._media_of(content_type)
        if media is FORM:
            fields = parse_form(body, self._names)
        elif media is JSON:
            fields = parse_json(body, self._names)
        else:
            fields = parse_form(query.encode(), self._names) if query else {}
        if path_fields:
            fields.update(path_fields)
        return fields

    def _media_of(self, content_type: str) -> str:
        """Which of our encodings a Content-Type header means; "" is the query string."""
        media, *parameters = (part.strip().lower() for part in content_type.split(";"))
        charsets = [part[8:].strip('"') for part in parameters if part.startswith("charset=")]
        if media in self._media and all(charset in ("utf-8", "utf8") for charset in charsets):
            known = self._media[self._media.index(media)]
            if len(self._types) < _REMEMBERED_TYPES:
                self._types[content_type] = known
            return known
        if self._from_query:
            return ""
        wanted = " or ".join(self._media)
        raise GatewayError(f"Content-Type must be {wanted}, in UTF-8", status=415, reason="content_type")


class FieldReader:
    """One field of a route: its value with the default and the pattern applied, within its length."""

    __slots__ = ("_after", "_before", "_least", "_most", "default", "name", "plain")

    def __init__(self, field: WireField, most: int, *, least: int = 0) -> None:
        self.name = field.name or ""
        self.default = field.default
        self._before, _, self._after = field.write.partition("{}")
        self.plain = field.name is not None and not (self._before or self._after)
        self._least = least
        self._most = most

    def __call__(self, fields: Mapping[str, str]) -> str:
        """The value. Raises GatewayError when it is missing or of a wrong length."""
        value = fields.get(self.name, self.default)
        if value is None:
            raise GatewayError(f"{self.name} is missing", reason="missing_field")
        if value and (self._before or self._after):
            value = f"{self._before}{value}{self._after}"
        if self._least <= len(value) <= self._most:
            return value
        raise GatewayError(
            f"{self.name} must have {self._least} to {self._most} characters", reason="wrong_length"
        )

    def cut(self, fields: Mapping[str, str]) -> str:
        """The value, cut to its length; for remarks that only people read."""
        return (fields.get(self.name) or self.default or "")[: self._most]


class RuleReader:
    """Whether a request says a thing, by a map's rule."""

    def __init__(self, rule: Rule, *, required: bool) -> None:
        self.names = tuple(name for name in (rule.field, rule.same_as) if name)
        self.status = rule.status
        self._rule = rule
        self._values = frozenset(value.lower() for value in rule.values)
        self._required = required

    def __call__(self, fields: Mapping[str, str]) -> bool:
        """True when it does. Raises GatewayError when a required field is missing."""
        for name in self.names:
            if name not in fields:
                if self._required:
                    raise GatewayError(f"{name} is missing", reason="missing_field")
                return False
        value = fields[self._rule.field]
        if self._values:
            return value.lower() in self._values
        if self._rule.same_as is not None:
            return value.strip("*#") == fields[self._rule.same_as].strip("*#")
        return value.startswith(str(self._rule.starts_with))
