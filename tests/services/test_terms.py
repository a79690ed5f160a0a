import pytest

from services.app import service
from services.loans.terms import Terms
from services.rules import schema
from tests.services.world import FOLDER

PRODUCTS = (FOLDER / "products.yaml").read_text()
SCORECARD = (FOLDER / "scorecard.yaml").read_text()
SMS = (FOLDER / "sms.yaml").read_text()


def problems(products: str = PRODUCTS, scorecard: str = SCORECARD) -> list[tuple[str, int, int, str]]:
    sources = {"products.yaml": products, "scorecard.yaml": scorecard, "sms.yaml": SMS}
    terms, found = service.load({**sources, "service.yaml": "languages: [en, sw]"})
    assert (terms is None) == bool(found)
    return [(problem.file, problem.line, problem.column, problem.message) for problem in found]


def test_the_umoja_files_are_sound(terms: Terms) -> None:
    assert problems() == []
    assert (terms.product.fee_bp, terms.product.excise_bp, terms.product.term_days) == (1500, 2000, 30)
    assert terms.product.repayment.least_cents == 1_000
    assert terms.product.limit.first_cents == 500_000


def test_the_score_starts_at_300_and_ends_at_850(terms: Terms) -> None:
    assert terms.scorecard.base_points == 300
    assert terms.scorecard.max_score == 850


def test_missing_files_are_problems() -> None:
    files = [problem.file for problem in service.load({})[1]]
    assert files == ["products.yaml", "scorecard.yaml", "sms.yaml"]


@pytest.mark.parametrize(
    ("old", "new", "line", "column", "message"),
    [
        ("15%", "15", 8, 5, "products.umoja30.fee: write it like 15% or 7.25%"),
        ("15%", "nan%", 8, 5, "products.umoja30.fee: write it like 15% or 7.25%"),
        ("least: 500", "least: -500", 10, 5, "products.umoja30.least: write it like 5,000 (whole shillings)"),
        ("least: 500", "least: 0", 10, 5, "products.umoja30.least: Input should be greater than 0"),
        ("term: 30d", "term: 30", 7, 5, "products.umoja30.term: write it like 30d"),
        ("growth: 200%", "grwoth: 200%", 14, 7, "products.umoja30.limit.grwoth: Extra inputs"),
        ("first: 5,000", "first: 400", 6, 3, "products.umoja30: least must not be more than limit.first"),
        ("sell: umoja30", "sell: umoja60", 3, 1, "there is no product umoja60"),
        ("least: 500", "least: 500\n    least: 600", 11, 5, "`least` is already there, on line 10."),
        ("penalty: 5%", "penalty: 5", 20, 7, "products.umoja30.late.penalty: write it like 15% or 7.25%"),
        ("most: 5% ", "most: 0% ", 18, 5, "products.umoja30.late: a penalty needs `most`, such as 20%"),
        ("every: once", "every: week", 21, 7, "products.umoja30.late.every: Input should be 'once' or 'day'"),
        ("in_duplum: 1d", "in_duplum: 91d", 18, 5, "in_duplum must not come after non_performing"),
        ("write_off: 180d", "write_off: 30d", 18, 5, "nor that after write_off"),
        ("penalty, interest, fee,", "interest, fee,", 31, 5, "order names each of principal, fee, interest"),
        ("excise, penalty]", "excise, excise]", 31, 5, "non_performing names each of principal, fee"),
        ("approve_above: 30,000", "approve_above: 1e9", 30, 5, "approve_above: write it like 5,000"),
        (
            "growth: 200% ",
            "growth: 200%\n      ladder: [{repaid: 1, most: 700}, {repaid: 1, most: 900}] #",
            11,
            5,
            "ladder: each step needs more loans repaid",
        ),
        ("term: 15d", "term: 0d", 28, 7, "products.umoja30.rollover.term: Input should be greater than 0"),
        ("version: 2026-11", "version: &v 2026-11\nx: *v", 3, 10, "YAML anchor"),
    ],
)
def test_a_fault_in_the_products_is_told_with_its_place(
    old: str, new: str, line: int, column: int, message: str
) -> None:
    found = problems(products=PRODUCTS.replace(old, new, 1))

    assert (line, column) in [(at, column_) for _, at, column_, text in found if message in text], found


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("{lt: 2, points: 50}", "{lt: 2, points: many}", "must be a whole number"),
        ("{lt: 2, points: 50}", "{lt: 1, points: 50}", "must be more than 1"),
        ("name: defaults", "name: shoe_size", "nothing measures shoe_size"),
        ("decision: decline", "decision: maybe", "must be approve or decline"),
        ("base_points: 300", "base_points: 3e2", "must be a whole number"),
    ],
)
def test_a_fault_in_the_scorecard_is_told_with_its_place(old: str, new: str, message: str) -> None:
    assert SCORECARD.count(old) == 1
    at = SCORECARD[: SCORECARD.index(old)].count("\n") + 1

    found = problems(scorecard=SCORECARD.replace(old, new))

    assert [(file, place) for file, place, *_ in found] == [("scorecard.yaml", at)]
    assert message in found[0][3]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "42",
        "[]",
        "a: b: c",
        "\x00",
        "products: {umoja30: 7}",
        "? [a]\n: b",
        "sell: [umoja30\nversion: 1",
        "[" * 500_000,
    ],
)
def test_rubbish_is_a_problem_and_never_a_traceback(text: str) -> None:
    assert problems(products=text)
    assert problems(scorecard=text)


SOURCES = {path.name: path.read_text() for path in FOLDER.glob("*.yaml")}


RULES = SOURCES["rules.yaml"]


@pytest.mark.parametrize(
    ("file", "old", "new", "line", "column", "message"),
    [
        ("rules.yaml", "[consent, terms,", "[consent, trems,", 5, 22, "there is no state trems"),
        ("rules.yaml", "offers: [offers_off]", "offers: [offer_off]", 6, 12, "there is no state offer_off"),
        ("rules.yaml", "version: 2026-11", "version: 2026-12", 4, 3, "the menus say 2026-11 in state entry"),
        ("register.yaml", "version: '\"2026-11\"'", "version: '\"2026-10\"'", 4, 3,
         "the menus say 2026-10 in state record_consent"),
        ("rules.yaml", "above: 1,000", "above: 1e3", 16, 3, "crb.above: write it like 5,000"),
        ("rules.yaml", "notice: 30d", "notice: 0d", 18, 3, "crb.notice: Input should be greater than"),
        ("rules.yaml", "messages: 365d", "mesages: 365d", 22, 3, "keep.mesages: Extra inputs"),
        ("rules.yaml", "consent:", "consents:", 3, 1, "consents: Extra inputs"),
    ],
)  # fmt: skip
def test_a_fault_in_the_rules_is_told_with_its_place(
    file: str, old: str, new: str, line: int, column: int, message: str
) -> None:
    assert SOURCES[file].count(old) == 1
    terms, found = service.load({**SOURCES, file: SOURCES[file].replace(old, new)})

    assert terms is None
    assert {each.file for each in found} == {"rules.yaml"}
    at = [(each.line, each.column) for each in found if each.message.startswith(message)]
    assert at[:1] == [(line, column)], found


@pytest.mark.parametrize("text", ["", "42", "[]", "a: b: c", "consent: 7", "consent: {version: 1}"])
def test_rules_that_are_rubbish_are_a_problem_and_never_a_traceback(text: str) -> None:
    terms, found = service.load({**SOURCES, "rules.yaml": text})

    assert terms is None
    assert {each.file for each in found} == {"rules.yaml"}


def test_a_folder_without_rules_takes_any_version_of_the_terms() -> None:
    terms, found = service.load({name: text for name, text in SOURCES.items() if name != "rules.yaml"})

    assert found == []
    assert (terms.rules.terms, terms.wording.sha256("en")) == ("", None)
    assert terms.rules.bureau.above_cents == 100_000


def test_the_committed_schema_of_the_rules_is_the_generated_one() -> None:
    assert schema.FILE.read_text(encoding="utf-8") == schema.render(), "run: python -m services.rules.schema"
    assert RULES.startswith(f"# yaml-language-server: $schema=../schema/{schema.FILE.name}\n")


def test_another_word_on_a_screen_of_consent_is_another_hash(terms: Terms) -> None:
    changed = SOURCES["register.yaml"].replace("never read your contacts", "may read your contacts")
    other = service.load({**SOURCES, "register.yaml": changed})[0]

    assert other.wording.sha256("en") != terms.wording.sha256("en")
    assert other.wording.sha256("sw") == terms.wording.sha256("sw")


@pytest.mark.parametrize(
    ("file", "old", "new", "line", "column", "message"),
    [
        ("apply.yaml", "value: education,", "value: school,", 36, 5,
         "the menus offer school, which is not here"),
        ("products.yaml", "most: 50,000", "most: 60,000", 13, 7,
         "the menus take amounts up to 50,000 only"),
    ],
)  # fmt: skip
def test_menus_that_offer_what_is_not_sold_are_found(
    file: str, old: str, new: str, line: int, column: int, message: str
) -> None:
    sources = {**SOURCES, file: SOURCES[file].replace(old, new)}
    terms, found = service.load(sources)

    assert terms is None
    assert [(each.file, each.line, each.column, each.message) for each in found] == [
        ("products.yaml", line, column, message)
    ]
