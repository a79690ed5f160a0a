"""The wallets: who holds how much M-Pesa, in integer cents.

What must hold, and is checked at each move: the legs of a move sum to zero, so the sum over all accounts
stays zero; nobody but the outside world and the charges account falls below zero; a move that is refused
changes nothing. `faults()` proves the same once more from all moves ever made.
"""

from collections import defaultdict
from dataclasses import dataclass, field

UTILITY = "utility"  # B2C is paid from it
WORKING = "working"  # the paybill collects into it
CHARGES = "charges"  # "Charges Paid Account": what B2C has cost; the portal shows it below zero
FEES = "fees"  # Safaricom's side of the charges
OUTSIDE = "outside"  # cash, banks, other people: where all other money came from
ORGANISATION = (UTILITY, WORKING, CHARGES)
MAY_OWE = frozenset({OUTSIDE, CHARGES})

Legs = tuple[tuple[str, int], ...]


class NotEnoughError(Exception):
    """The account does not hold that much."""


@dataclass(slots=True, frozen=True)
class Move:
    """Money that moved. legs: account and cents, in and out of it; at: ISO 8601, UTC."""

    receipt: str
    reason: str
    at: str
    legs: Legs

    def of(self, account: str) -> int:
        """What it added to the account; what it took away is below zero."""
        return sum(cents for name, cents in self.legs if name == account)


def between(payer: str, payee: str, cents: int) -> Legs:
    """The legs of an amount from one account to another."""
    return ((payer, -cents), (payee, cents))


@dataclass(slots=True)
class Wallets:
    """All accounts, and every move there was."""

    balances: dict[str, int] = field(default_factory=dict)
    moves: list[Move] = field(default_factory=list)
    _total: int = 0

    def balance(self, account: str) -> int:
        """Cents; zero for an account nobody has heard of."""
        return self.balances.get(account, 0)

    def covers(self, account: str, cents: int) -> bool:
        """Whether that much may leave it."""
        return account in MAY_OWE or self.balance(account) >= cents

    def apply(self, move: Move) -> None:
        """Move the money. Raises NotEnoughError, and nothing has changed."""
        assert move.legs, "a move without legs"
        assert all(type(cents) is int for _, cents in move.legs), f"not integer cents: {move.legs}"
        assert sum(cents for _, cents in move.legs) == 0, f"legs that do not sum to zero: {move.legs}"
        after: dict[str, int] = {}
        for account, cents in move.legs:
            after[account] = after.get(account, self.balance(account)) + cents
        for account, cents in after.items():
            if cents < 0 and account not in MAY_OWE:
                raise NotEnoughError(account)
        self._total += sum(cents - self.balance(account) for account, cents in after.items())
        self.balances.update(after)
        self.moves.append(move)
        assert self._total == 0, f"money made or lost: {self._total}"

    def faults(self) -> list[str]:
        """What does not hold, from all moves; nothing when the wallets are sound."""
        recomputed: dict[str, int] = defaultdict(int)
        found = []
        for move in self.moves:
            if sum(cents for _, cents in move.legs) != 0:
                found.append(f"{move.receipt}: legs do not sum to zero")
            for account, cents in move.legs:
                recomputed[account] += cents
        for account in sorted(recomputed.keys() | self.balances.keys()):
            kept, moved = self.balance(account), recomputed[account]
            if kept != moved:
                found.append(f"{account}: holds {kept}, its moves say {moved}")
            if kept < 0 and account not in MAY_OWE:
                found.append(f"{account}: holds {kept}")
        if sum(self.balances.values()) != 0:
            found.append(f"all accounts together hold {sum(self.balances.values())}, not 0")
        return found
