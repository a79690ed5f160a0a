"""The lists of the staff, and the pages of one person and one loan.

A list is data (listing.py): a table, columns, filters, sorts. statement.py makes one SQL statement of it,
pages.py a page with a cursor, export.py a file of all of it. What each list is stands in a file of its own.

The rules: phone numbers are masked wherever they leave, but for `reveal`. Whatever may be filtered and
sorted by has an index that answers it, which loadtests/bench/lists.py shows with a million borrowers; what
has none is not offered. Unknown filters are refused.
"""

from services.api.operation import Routes


def rooms() -> list[Routes]:
    """The operations of all lists and pages."""
    from services.api.lists import (  # noqa: PLC0415 - they import what a command need not
        approvals,
        audits,
        days,
        loan,
        loans,
        messages,
        payouts,
        person,
        sessions,
        suspense,
        transactions,
        users,
        wallets,
    )

    found = (users, person, loans, loan, wallets, transactions, payouts, suspense, messages, approvals, days,
             sessions, audits)  # fmt: skip
    return [each.routes for each in found]
