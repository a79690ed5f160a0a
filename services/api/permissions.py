"""Who may do what. An operation names one permission; a role is a set of them, and so is an API key.

A role says what somebody may ask for. That nobody decides what they themselves proposed is another rule,
and it holds for every role (services/loans/approvals.py).
"""

from enum import StrEnum


class Permission(StrEnum):
    """What an operation asks for. The value is its name in API keys and in the documentation."""

    BORROWERS_READ = "borrowers:read"  # lists and pages of people, their numbers masked
    BORROWERS_REVEAL = "borrowers:reveal"  # a whole number, a national id; each look is in the audit
    LOANS_READ = "loans:read"
    LOANS_APPLY = "loans:apply"  # apply for somebody who is on the phone, ask them to pay
    LOANS_PROPOSE = "loans:propose"  # write-off, waiver, refund, match, what became of a payout
    LOANS_DECIDE = "loans:decide"  # approve or reject what somebody else proposed
    MONEY_READ = "money:read"  # wallets, transactions, payouts, suspense
    MESSAGES_READ = "messages:read"
    MESSAGES_SEND = "messages:send"
    SESSIONS_READ = "sessions:read"
    MENUS_READ = "menus:read"
    MENUS_PROPOSE = "menus:propose"
    MENUS_DECIDE = "menus:decide"
    ANALYTICS_READ = "analytics:read"
    REPORTS_READ = "reports:read"
    AUDIT_READ = "audit:read"
    SETTINGS_CHANGE = "settings:change"
    STAFF_MANAGE = "staff:manage"  # people, their roles, API keys
    OWN = "own"  # their own login and password: every person has it


class Role(StrEnum):
    """What somebody of the staff is."""

    VIEWER = "viewer"
    OFFICER = "officer"
    APPROVER = "approver"
    PRODUCT = "product"
    ADMIN = "admin"


_P = Permission
_VIEWER = frozenset({
    _P.OWN, _P.BORROWERS_READ, _P.LOANS_READ, _P.MONEY_READ, _P.MESSAGES_READ, _P.SESSIONS_READ,
    _P.MENUS_READ, _P.ANALYTICS_READ, _P.REPORTS_READ,
})  # fmt: skip

ROLES: dict[Role, frozenset[Permission]] = {
    Role.VIEWER: _VIEWER,
    Role.OFFICER: _VIEWER | {_P.BORROWERS_REVEAL, _P.LOANS_APPLY, _P.LOANS_PROPOSE, _P.MESSAGES_SEND},
    Role.APPROVER: _VIEWER | {_P.BORROWERS_REVEAL, _P.LOANS_PROPOSE, _P.LOANS_DECIDE, _P.AUDIT_READ},
    Role.PRODUCT: frozenset({
        _P.OWN, _P.SESSIONS_READ, _P.ANALYTICS_READ, _P.REPORTS_READ,
        _P.MENUS_READ, _P.MENUS_PROPOSE, _P.MENUS_DECIDE,
    }),
    Role.ADMIN: frozenset(Permission),
}  # fmt: skip

# A key decides nothing and makes nobody: two pairs of eyes are two people's.
NOT_FOR_KEYS = frozenset({_P.OWN, _P.LOANS_DECIDE, _P.MENUS_DECIDE, _P.STAFF_MANAGE})
