"""The menu of the bench in Python, as an application without a menu language has it."""

from typing import Any

START = "main"
ENDS = frozenset({"done", "stopped"})
PURPOSES = {"1": "emergency", "2": "business", "3": "education"}
MONTHS = {"1": "2", "2": "3"}
_OPTIONS = {
    ("main", "1"): "amount",
    ("main", "2"): "rates",
    ("main", "3"): START,
    ("rates", "1"): "amount",
    ("months", "1"): "agree",
    ("months", "2"): "agree",
    ("month", "1"): "done",
    ("month", "2"): "stopped",
    ("agree", "1"): "done",
    ("agree", "2"): "stopped",
}
BACK_TO = {
    "amount": START,
    "rates": START,
    "purpose": "amount",
    "month": "purpose",
    "months": "purpose",
    "agree": "months",
}

_BACK = {"en": "\n0:Back 00:Home", "sw": "\n0:Rudi 00:Mwanzo"}
_REFUSED = {"en": "From KES 500 to KES 15,000.\n", "sw": "Kuanzia KES 500 hadi KES 15,000.\n"}
_TEXTS = {
    "en": {
        "main": "Welcome to the bench.\n1. Apply for a loan\n2. Rates\n3. Kiswahili",
        "amount": "How much do you need? KES 500 to 15,000:",
        "purpose": "What are KES {amount:,} for?\n1. Emergency\n2. Business\n3. Education",
        "month": "KES {amount:,} for one month ({purpose}).\n1. I agree\n2. No",
        "months": "KES {amount:,}: pay back in how many months?\n1. Two\n2. Three",
        "agree": "KES {amount:,} for {months} months ({purpose}).\n1. I agree\n2. No",
        "rates": "15 % a month. No other cost.\n1. Apply for a loan",
        "done": "Thank you. KES {amount:,} are on their way.",
        "stopped": "Nothing was sent. Goodbye.",
    },
    "sw": {
        "main": "Karibu.\n1. Omba mkopo\n2. Riba\n3. Kiswahili",
        "amount": "Unahitaji kiasi gani? KES 500 hadi 15,000:",
        "purpose": "KES {amount:,} ni za nini?\n1. Dharura\n2. Biashara\n3. Elimu",
        "month": "KES {amount:,} kwa mwezi mmoja ({purpose}).\n1. Nakubali\n2. Hapana",
        "months": "KES {amount:,}: utalipa kwa miezi mingapi?\n1. Miwili\n2. Mitatu",
        "agree": "KES {amount:,} kwa miezi {months} ({purpose}).\n1. Nakubali\n2. Hapana",
        "rates": "15 % kwa mwezi. Hakuna gharama nyingine.\n1. Omba mkopo",
        "done": "Asante. KES {amount:,} ziko njiani.",
        "stopped": "Hakuna kilichotumwa. Kwaheri.",
    },
}

Answers = dict[str, Any]


def show(state: str, language: str, answers: Answers) -> str:
    """The screen of a state."""
    text = _TEXTS[language][state].format_map(answers)
    return text + _BACK[language] if state in BACK_TO else text


def move(state: str, language: str, answers: Answers, typed: str) -> tuple[str, str, Answers, str]:
    """Where an input leads: state, language, answers, and what is said before the screen.

    An input that fits nothing shows the same screen again.
    """
    if state in BACK_TO and typed in ("0", "00"):
        return (START if typed == "00" else BACK_TO[state]), language, answers, ""
    if state == "amount":
        amount = typed.replace(",", "")
        if amount.isdecimal() and 500 <= int(amount) <= 15_000:
            return "purpose", language, {**answers, "amount": int(amount)}, ""
        return state, language, answers, _REFUSED[language]
    if state == "purpose" and typed in PURPOSES:
        state = "months" if answers["amount"] > 5000 else "month"
        return state, language, {**answers, "purpose": PURPOSES[typed]}, ""
    if state == "months" and typed in MONTHS:
        answers = {**answers, "months": MONTHS[typed]}
    language = "sw" if (state, typed) == (START, "3") else language
    return _OPTIONS.get((state, typed), state), language, answers, ""
