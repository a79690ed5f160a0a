import pytest

from loadtests.bench import borrowers, pgbench
from loadtests.bench.recording import Statement, script
from ussd_engine.errors import UssdError

NUMBERS = (7, 8)


def application(number: int, *, who: int, loan: int) -> list[Statement]:
    key = f"africastalking:session{number}:apply"
    return [
        Statement(
            "\nselect id\nfrom borrower\nwhere msisdn = $1\n", (borrowers.msisdn(number),), [{"id": who}]
        ),
        Statement("begin"),
        Statement("insert into kept (key, words) values ($1, $2)", (key, b"\x00\x01")),
        Statement("select next()", (), [{"loan": loan}]),
        Statement(
            "insert into loan values ($2, $1, $3, $4::text[], $2)",
            (who, loan, None, ["a b", None, 'q"']),
        ),
        Statement("commit"),
    ]


def test_a_script_has_the_same_statements_with_values_from_where_they_came() -> None:
    one, two = application(7, who=70, loan=900), application(8, who=81, loan=905)
    found = script(one, two, NUMBERS)
    assert found.text.splitlines()[3:] == [
        "select id",
        "from borrower",
        "where msisdn = :msisdn \\gset s0_",
        "begin;",
        "insert into kept (key, words) values (:number, :c2_1);",
        "select next() \\gset s3_",
        "insert into loan values (:s3_loan, :s0_id, null, :c4_3::text[], :s3_loan);",
        "commit;",
    ]
    assert found.constants == {"c2_1": "\\x0001", "c4_3": '{"a b",NULL,"q\\""}'}
    assert (found.statements, found.transactions) == (6, 2)
    assert "254700000000 + :number" in found.text


def test_a_number_that_came_from_nowhere_is_not_guessed() -> None:
    one, two = application(7, who=70, loan=900), application(8, who=81, loan=905)
    one[3].rows, two[3].rows = [], []
    with pytest.raises(UssdError, match="Where does 900 come from"):
        script(one, two, NUMBERS)


def test_two_applications_must_ask_for_the_same() -> None:
    one, two = application(7, who=70, loan=900), application(8, who=81, loan=905)
    with pytest.raises(UssdError, match="different things"):
        script(one, two[:-1], NUMBERS)


SAID = """\
transaction type: application.sql
number of transactions actually processed: 1479
number of failed transactions: 0 (0.000%)
latency average = 6.780 ms
tps = 1474.938131 (without initial connection time)
"""


def test_what_pgbench_says_is_understood() -> None:
    assert pgbench.read(SAID) == pgbench.Benched(1479, 1474.938131, 6.78)


@pytest.mark.parametrize("said", ["", SAID.replace("failed transactions: 0", "failed transactions: 3")])
def test_a_run_of_pgbench_that_failed_is_no_measurement(said: str) -> None:
    with pytest.raises(UssdError):
        pgbench.read(said)
