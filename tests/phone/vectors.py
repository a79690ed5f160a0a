"""Examples both handsets must agree on: the one in Python and its twin in the page's JavaScript."""

KNOWN = ("*384*89598#", "*384#", "*384*89598*7#")

# dialled by a person, the service code, the text of the first turn
DIALLED = [
    ("*384*89598#", "*384*89598#", ""),
    ("*384*89598", "*384*89598#", ""),
    (" *384* 89598 # ", "*384*89598#", ""),
    ("*384*89598*1*500#", "*384*89598#", "1*500"),
    ("*384*89598*7#", "*384*89598*7#", ""),
    ("*384*89598*7*2#", "*384*89598*7#", "2"),
    ("*384*89598*70#", "*384*89598#", "70"),
    ("*384*895980#", "*384#", "895980"),
    ("*384*1#", "*384#", "1"),
    ("*384*89598**1#", "*384*89598#", "*1"),
    ("*999*1#", "*999*1#", ""),
]

NOT_CODES = ["", "#", "*#", "384#", "*384*#", "*384*a#", "*384#1#", "384*89598", "**", "* #"]

# service code, what was typed turn by turn, the text of the last turn
TYPED = [
    ("*384*89598#", [], ""),
    ("*384*89598#", ["1"], "1"),
    ("*384*89598#", ["1", "500", "2"], "1*500*2"),
    ("*384*89598*1*500#", ["2"], "1*500*2"),
    ("*384*89598#", ["7*a*b", "****"], "7*a*b*****"),
    ("*384*89598#", ["Wanjikũ Mwangi"], "Wanjikũ Mwangi"),
    ("*384*89598#", ["1", "+ & = %2A"], "1*+ & = %2A"),
]

# status and body of an answer; the state after it, the screen, what was wrong
ANSWERS = [
    (200, "CON Hello\n1 Loans", "asked", "Hello\n1 Loans", ""),
    (200, "END Bye", "ended", "Bye", ""),
    (200, "CON ", "asked", "", ""),
    (200, "CON  two spaces", "asked", " two spaces", ""),
    (200, "CONNECTED", "failed", None, "an answer must begin with CON or END; it was: CONNECTED"),
    (200, "con hello", "failed", None, "an answer must begin with CON or END; it was: con hello"),
    (200, "", "failed", None, "an answer must begin with CON or END; it was: nothing"),
    (500, "Oh no\nTraceback", "failed", None, "HTTP 500: Oh no"),
    (404, "CON Hello", "failed", None, "HTTP 404: CON Hello"),
]

SIZES = [
    "",
    "Habari",
    "fee [5] {x} €",
    "line\nline",
    "ũ",
    "ũ" * 70,
    "a😀",
    "Ää Öö ÑÜ §à ¿¡",
    "x" * 160,
    "`",
    "ç",
    "Ç",
]
