"""The strict form parser against urllib's, and the adapter against anything at all."""

import json
from urllib.parse import parse_qsl, quote, quote_plus

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.core_ext.builds import compiled, interpreted
from ussd_engine.errors import GatewayError
from ussd_engine.gateways import Adapter, load_maps
from ussd_engine.gateways.wire import MAX_FIELDS, parse_by_the_letter, parse_form
from ussd_engine.turn import SessionEvent, Turn

FORM = "application/x-www-form-urlencoded"
MAP = load_maps()["africastalking"]
ADAPTER = Adapter(MAP)

texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)
forms = st.dictionaries(texts, texts, min_size=1, max_size=8)


@given(forms, st.sampled_from([quote, quote_plus]), st.booleans())
def test_a_valid_form_reads_as_urllib_reads_it(fields: dict[str, str], escape, lower: bool) -> None:
    form = "&".join(f"{escape(name, safe='')}={escape(value, safe='')}" for name, value in fields.items())
    if lower:
        form = _lower_escapes(form)
    expected = dict(parse_qsl(form, keep_blank_values=True, strict_parsing=True, errors="strict"))
    assert parse_form(form.encode()) == expected == fields


@given(st.text(alphabet="ab=&%+*21AFf0zé💸", max_size=24))
@example("%252A=1")
@example("a=%%2A2A")
@example("a=%2")
@example("a=b=c&d==")
@example("%26=%3D&%=%25")
def test_whatever_urllib_refuses_is_refused_and_the_rest_reads_the_same(form: str) -> None:
    try:
        expected = parse_qsl(form, keep_blank_values=True, strict_parsing=True, errors="strict")
    except (ValueError, UnicodeDecodeError):
        with pytest.raises(GatewayError):
            parse_form(form.encode())
        return
    try:
        found = list(parse_form(form.encode()).items())
    except GatewayError as error:
        reason = error.reason
    else:
        assert found == expected
        return
    # We also refuse what urllib lets pass: bad escapes, control characters, a field twice.
    assert reason in {"percent_encoding", "control_character", "duplicate_field"}


NAMES = [b"sessionId", b"serviceCode", b"phoneNumber", b"networkCode", b"text", b"status"]
VALUES = [b"%2B254711000126", b"1%2A2", b"\xf0\x9f\x92\xb8", b"%", b"A"]
pairs = st.tuples(st.sampled_from(NAMES), st.binary(max_size=20) | st.sampled_from(VALUES)).map(b"=".join)
bodies = st.binary(max_size=200) | st.lists(pairs, max_size=8).map(b"&".join)
media = st.sampled_from([FORM, "application/json", FORM + "; charset=utf-8"]) | st.text(max_size=30)


@settings(max_examples=300)
@given(bodies, media, st.sampled_from(["POST", "GET", "", "post"]))
def test_arbitrary_requests_give_a_turn_an_event_or_a_gateway_error(
    body: bytes, media: str, method: str
) -> None:
    for read in (ADAPTER.understand, ADAPTER.notice):
        try:
            asked = read(method, media, "", body)
        except GatewayError as error:
            assert 400 <= error.status < 500  # noqa: PT017
        else:
            assert isinstance(asked, Turn | SessionEvent)
            assert asked.msisdn.isdigit()


keys = st.sampled_from(["sessionId", "phoneNumber", "text", "serviceCode"])
leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
trees = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4), max_leaves=8
)


@given(trees)
def test_arbitrary_json_gives_a_turn_or_a_gateway_error(tree: object) -> None:
    with_number = tree | {"phoneNumber": 254711000126} if isinstance(tree, dict) else tree
    for held in (tree, with_number):
        body = json.dumps(held).encode()  # unlike orjson it writes NaN and lone surrogates
        try:
            asked = ADAPTER.understand("POST", "application/json", "", body)
        except GatewayError:
            continue
        assert isinstance(asked, Turn)


def test_every_single_byte_escape_is_read_or_refused_as_it_must() -> None:
    for byte in range(256):
        for code in {f"%{byte:02X}", f"%{byte:02x}"}:
            form = f"a={code}x".encode()
            if byte < 0x20 or byte >= 0x7F:
                with pytest.raises(GatewayError):
                    parse_form(form)
            else:
                assert parse_form(form) == {"a": f"{chr(byte)}x"}


def test_a_body_over_the_limit_is_refused_before_it_is_read() -> None:
    with pytest.raises(GatewayError) as refused:
        Adapter(MAP, max_body=64).understand("POST", FORM, "", b"a" * 65)
    assert (refused.value.status, refused.value.reason) == (413, "too_large")


def test_more_fields_than_anybody_sends_are_refused() -> None:
    with pytest.raises(GatewayError, match="more than 64 fields"):
        parse_form("&".join(f"f{number}=" for number in range(65)).encode())


@pytest.mark.parametrize(
    "media", [FORM.upper(), FORM + ";charset=utf8", FORM + '; charset="UTF-8"', "application/json"]
)
def test_a_content_type_is_read_as_http_means_it(media: str) -> None:
    body = b"{}" if "json" in media else b"a=b"
    with pytest.raises(GatewayError, match="sessionId is missing"):
        ADAPTER.understand("POST", media, "", body)


def test_content_types_do_not_pile_up_in_memory() -> None:
    adapter = Adapter(MAP)
    for number in range(1000):
        with pytest.raises(GatewayError):
            adapter.understand("POST", f"{FORM}; x={number}", "", b"a=b")
    assert len(adapter._turns._types) <= 64


def _lower_escapes(form: str) -> str:
    head, *parts = form.split("%")
    return head + "".join("%" + part[:2].lower() + part[2:] for part in parts)


@given(st.binary(max_size=60) | st.text(alphabet="ab=&%+*21AFf0z~\x7f", max_size=40).map(str.encode))
@example(b"")
@example(b"a=1&a=2")
@example(b"a=%41%2&b")
@example(b"=&b=")
@example(b"&".join([b"a%d=1" % number for number in range(65)]))
def test_the_compiled_reading_is_the_reading_by_the_letter_or_none(data: bytes) -> None:
    for core in (compiled(), interpreted()):
        read = core.form.plain_form(data, MAX_FIELDS)
        if read is not None:
            assert read == parse_by_the_letter(data)
            assert list(read) == list(parse_by_the_letter(data))


def test_a_gateways_usual_form_is_plain() -> None:
    usual = (
        b"sessionId=ATUid_1&phoneNumber=%2B254711000126&networkCode=63902&serviceCode=*384*9%23&text=1*2+3"
    )
    assert interpreted().form.plain_form(usual, MAX_FIELDS) == parse_by_the_letter(usual)
    assert compiled().form.plain_form(usual, MAX_FIELDS) == parse_by_the_letter(usual)
