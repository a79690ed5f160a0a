"""What the lane takes for a plain head: the one request line, and headers that every parser reads alike.
And whose request a form is."""

import re

MAX_HEADERS = 64  # of one head; the framework has a bound of its own, above this

# Visible ASCII, no folding, no bare CR or LF: what both parsers read alike.
_HEADER = re.compile(rb"([A-Za-z0-9-]+):[ \t]*([\x20-\x7e]*)")
_LENGTH = re.compile(rb"(?:0|[1-9][0-9]{0,6})")
_FORM = re.compile(rb"application/x-www-form-urlencoded(?: *; *charset=utf-8)?", re.IGNORECASE)
# Headers that change how a message is framed, encoded or kept alive.
_SPECIAL = frozenset(
    (b"transfer-encoding", b"content-encoding", b"expect", b"upgrade", b"te", b"trailer", b"connection",
     b"keep-alive", b"proxy-connection", b"http2-settings")
)  # fmt: skip


def content_length(head: bytes, request_line: bytes, max_body: int) -> int:
    """The Content-Length of a plain head (without its empty line), or -1: not plain."""
    if not head.startswith(request_line):
        return -1
    lines = head[len(request_line) :].split(b"\r\n")
    length, form, hosts = -1, False, 0
    for line in lines:
        found = _HEADER.fullmatch(line)
        if found is None:
            return -1
        name, value = found[1].lower(), found[2].strip()
        if name in _SPECIAL and not (name == b"connection" and value.lower() == b"keep-alive"):
            return -1
        if name == b"content-length":
            if length >= 0 or _LENGTH.fullmatch(value) is None:
                return -1
            length = int(value)
        elif name == b"content-type":
            if form or _FORM.fullmatch(value) is None:
                return -1
            form = True
        elif name == b"host":
            hosts += 1
    plain = form and hosts == 1 and length <= max_body and len(lines) <= MAX_HEADERS
    return length if plain else -1


def caller_of(body: bytes, name: bytes) -> bytes | None:
    """The value of the field `name=` of a form, as it is written there; None: it has none."""
    at = 0 if body.startswith(name) else body.find(b"&" + name) + 1
    if not body.startswith(name, at):
        return None
    return body[at + len(name) :].partition(b"&")[0]
