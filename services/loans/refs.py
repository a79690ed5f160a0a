"""A loan's reference: what people read out and type as an M-Pesa account number, such as U4K7QXN.

The loan's number, scrambled one to one over 28^6 values, so references never collide and do not count
our loans aloud. Letters and digits that look or sound alike (0 O 1 I L U V and S) are left out.
"""

ALPHABET = "23456789ABCDEFGHJKMNPQRTWXYZ"
LETTERS = 6
SPACE = len(ALPHABET) ** LETTERS  # 481,890,304 loans
# Prime to 28, so that multiplying by it only shuffles; near the golden ratio, so that it shuffles well.
STRIDE = 297_824_587
START = 123_456_789


def loan_ref(number: int) -> str:
    """The reference of loan `number`."""
    assert 0 < number < SPACE, number
    rest = (number * STRIDE + START) % SPACE
    letters = []
    for _ in range(LETTERS):
        rest, index = divmod(rest, len(ALPHABET))
        letters.append(ALPHABET[index])
    return "U" + "".join(letters)
