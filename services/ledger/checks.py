"""What must hold in the books at every moment, each as the query that finds where it does not.

A query gives rows of subject (which account, journal, loan or receipt), kept_cents (what is there) and
posted_cents (what the postings say, or what is allowed). No row: it holds. All of them read one snapshot;
PostgreSQL sorts and adds, and spills to disk what is large, so ten million postings need no memory here.

Charges of a loan count against the in duplum cap from duplum_on, by the day they are for. What is owed again
because a payment was taken off is no charge.
"""

from dataclasses import dataclass


@dataclass(slots=True, frozen=True)
class Check:
    """One invariant: its name, what it says, and the query. amounts: whether its figures are cents."""

    name: str
    holds: str
    sql: str
    amounts: bool = True


def _pool(account: str, table: str, where: str, sign: int = 1) -> str:
    """An account that must equal the sum of the rows that stand for it."""
    return f"""
select account.code as subject, coalesce(balance.balance_cents, 0) as kept_cents, rows.cents as posted_cents
from account
left join balance on balance.account_id = account.id
cross join (
    select {sign} * coalesce(sum(amount_cents), 0)::bigint as cents
    from {table}
    where {where}
) as rows
where account.code = '{account}'
and coalesce(balance.balance_cents, 0) <> rows.cents
"""  # noqa: S608 - written below, nothing comes from outside


# What payments that were taken off again had settled: it is owed again, and was not charged again.
UNDONE = """
    select posting.account_id, sum(posting.amount_cents)::bigint as cents
    from journal
    join posting on posting.journal_id = journal.id
    where journal.kind = 'payment_undone'
    and posting.amount_cents > 0
    group by posting.account_id
"""

LEDGER = (
    Check(
        "conservation",
        "all postings sum to zero",
        """
select 'all postings' as subject, 0 as kept_cents, sum(amount_cents)::bigint as posted_cents
from posting
having sum(amount_cents) <> 0
""",
    ),
    Check(
        "journal",
        "every journal has two legs or more and sums to zero",
        """
select journal.key as subject, 0 as kept_cents, coalesce(legs.cents, 0)::bigint as posted_cents
from journal
left join (
    select journal_id, sum(amount_cents) as cents, count(*) as number
    from posting
    group by journal_id
) as legs on legs.journal_id = journal.id
where coalesce(legs.cents, 0) <> 0
or coalesce(legs.number, 0) < 2
order by journal.id
""",
    ),
    Check(
        "balance",
        "every balance is the sum of its account's postings",
        """
select
    account.code as subject,
    coalesce(balance.balance_cents, 0) as kept_cents,
    coalesce(sums.debits - sums.credits, 0)::bigint as posted_cents
from account
left join balance on balance.account_id = account.id
left join (
    select
        account_id,
        sum(greatest(amount_cents, 0)) as debits,
        sum(greatest(-amount_cents, 0)) as credits
    from posting
    group by account_id
) as sums on sums.account_id = account.id
where coalesce(balance.debits_cents, 0) <> coalesce(sums.debits, 0)
or coalesce(balance.credits_cents, 0) <> coalesce(sums.credits, 0)
order by account.id
""",
    ),
    Check(
        "memo",
        "memo accounts and the books are apart: each side sums to zero",
        """
select 'memo accounts' as subject, 0 as kept_cents, sum(balance.balance_cents)::bigint as posted_cents
from balance
join account on account.id = balance.account_id
where account.kind = 'memo'
having sum(balance.balance_cents) <> 0
""",
    ),
    Check(
        "holds",
        "loans_in_disbursement is the sum of pending holds",
        _pool("loans_in_disbursement", "hold", "state = 'pending'"),
    ),
    Check(
        "float",
        "mpesa_utility_pending is the same, promised away",
        _pool("mpesa_utility_pending", "hold", "state = 'pending'", -1),
    ),
    Check(
        "suspense",
        "suspense_unmatched is the sum of open items",
        _pool("suspense_unmatched", "suspense_item", "state = 'open'", -1),
    ),
    Check(
        "refunds",
        "refunds_payable is the sum of refunds on their way",
        _pool("refunds_payable", "refund", "state = 'approved'", -1),
    ),
    Check(
        "credit",
        "no borrower's credit, nor what a loan owes, nor a claim, is below nothing",
        """
select account.code as subject, balance.balance_cents as kept_cents, 0::bigint as posted_cents
from account
join balance on balance.account_id = account.id
where (account.code like 'customer\\_credit:%' and balance.balance_cents > 0)
or (account.loan_id is not null and balance.balance_cents < 0)
or (account.code like 'payout\\_claim:%' and balance.balance_cents < 0)
order by account.id
""",
    ),
    Check(
        "receipt",
        "a receipt has one journal, and one in suspense has an item of its amount",
        """
select journal.key as subject, coalesce(item.amount_cents, 0) as kept_cents, legs.cents as posted_cents
from journal
join (
    select journal_id, sum(greatest(amount_cents, 0))::bigint as cents
    from posting
    group by journal_id
) as legs on legs.journal_id = journal.id
left join suspense_item as item on item.booked_by = journal.id
where journal.kind = 'suspense'
and (item.id is null or item.amount_cents <> legs.cents or journal.key <> 'receipt:' || item.receipt)
order by journal.id
""",
    ),
)

# What a loan's row says of its accounts: nothing before the money, the agreed principal and fee when it
# went out, nothing left once it is over.
LOANS = (
    Check(
        "payout",
        "each payout has at most one disbursement, of the loan's principal, and its hold has ended",
        """
select
    loan.ref as subject,
    loan.principal_cents as kept_cents,
    coalesce(sum(journal.cents), 0)::bigint as posted_cents
from loan
left join (
    select journal.loan_id, sum(greatest(posting.amount_cents, 0)) as cents
    from journal
    join posting on posting.journal_id = journal.id
    where journal.kind = 'disbursement'
    group by journal.id
) as journal on journal.loan_id = loan.id
left join late_payout on late_payout.loan_id = loan.id
left join hold on hold.key = loan.ref
group by loan.id, late_payout.loan_id, hold.state
having coalesce(sum(journal.cents), 0) <>
    case when loan.disbursed_at is not null or late_payout.loan_id is not null then loan.principal_cents
    else 0 end
or count(journal.loan_id) > 1
or (count(journal.loan_id) = 1 and hold.state = 'pending')
order by loan.id
""",
    ),
    Check(
        "open hold",
        "a hold is pending exactly while its loan's money is on its way",
        """
select
    loan.ref as subject,
    case when loan.state = 'disbursing' then loan.principal_cents else 0 end as kept_cents,
    coalesce(sum(hold.amount_cents), 0)::bigint as posted_cents
from loan
left join hold on hold.loan_id = loan.id and hold.state = 'pending'
group by loan.id
having coalesce(sum(hold.amount_cents), 0)
    <> case when loan.state = 'disbursing' then loan.principal_cents else 0 end
order by loan.id
""",
    ),
    Check(
        "whose",
        "a loan's accounts are posted to by its own journals",
        """
select account.code as subject, 0::bigint as kept_cents, posting.amount_cents as posted_cents
from posting
join account on account.id = posting.account_id
join journal on journal.id = posting.journal_id
where account.loan_id is not null
and account.loan_id is distinct from journal.loan_id
order by posting.id
""",
    ),
    Check(
        "schedule",
        "what a loan owes of its principal and fee is what was lent and agreed, less what settled it",
        f"""
with undone as ({UNDONE})
select scheduled.subject, scheduled.kept_cents, scheduled.posted_cents
from (
    select
        account.code as subject,
        coalesce(balance.debits_cents, 0) - coalesce(undone.cents, 0) as posted_cents,
        case
            when loan.disbursed_at is null then 0
            when account.code = 'loan_principal:' || loan.ref then loan.principal_cents
            else loan.fee_cents + coalesce((
                select sum(posting.amount_cents)
                from journal
                join posting on posting.journal_id = journal.id and posting.account_id = account.id
                where journal.loan_id = loan.id
                and journal.kind = 'rollover'
            ), 0)::bigint
        end as kept_cents
    from loan
    join account on account.loan_id = loan.id
    left join balance on balance.account_id = account.id
    left join undone on undone.account_id = account.id
    where account.code in ('loan_principal:' || loan.ref, 'loan_fee:' || loan.ref)
    order by loan.id
) as scheduled
where scheduled.kept_cents <> scheduled.posted_cents
""",  # noqa: S608 - written above
    ),
    Check(
        "state",
        "something is owed on a loan exactly while its state says so",
        """
select loan.ref || ' (' || loan.state || ')' as subject, 0::bigint as kept_cents, owed.books + owed.memo
    as posted_cents
from loan
cross join lateral (
    select
        coalesce(sum(balance.balance_cents) filter (where account.kind <> 'memo'), 0)::bigint as books,
        coalesce(sum(balance.balance_cents) filter (where account.kind = 'memo'), 0)::bigint as memo
    from account
    join balance on balance.account_id = account.id
    where account.loan_id = loan.id
) as owed
where (owed.books > 0) <> (loan.state in ('active', 'overdue', 'non_performing'))
or (owed.memo > 0) <> (loan.state = 'written_off')
order by loan.id
""",
    ),
    Check(
        "in duplum",
        "what a loan was charged since its cap was set is no more than the cap",
        """
select loan.ref as subject, loan.duplum_room_cents as kept_cents, charged.cents as posted_cents
from loan
cross join lateral (
    select coalesce(sum(posting.amount_cents), 0)::bigint as cents
    from account
    join posting on posting.account_id = account.id
    join journal on journal.id = posting.journal_id
    where account.loan_id = loan.id
    and account.kind = 'asset'
    and account.code <> 'loan_principal:' || loan.ref
    and posting.amount_cents > 0
    and journal.value_on >= loan.duplum_on
    and journal.kind <> 'payment_undone'
) as charged
where loan.duplum_on is not null
and charged.cents > loan.duplum_room_cents
order by loan.id
""",
    ),
    Check(
        "penalty",
        "the penalties of a loan are within the cap that was agreed",
        f"""
with undone as ({UNDONE})
select
    loan.ref as subject,
    loan.principal_cents * coalesce((loan.terms ->> 'penalty_most_bp')::bigint, 0) / 10000 as kept_cents,
    (balance.debits_cents - coalesce(undone.cents, 0))::bigint as posted_cents
from loan
join account on account.code = 'loan_penalty:' || loan.ref
join balance on balance.account_id = account.id
left join undone on undone.account_id = account.id
where balance.debits_cents - coalesce(undone.cents, 0)
    > loan.principal_cents * coalesce((loan.terms ->> 'penalty_most_bp')::bigint, 0) / 10000
order by loan.id
""",  # noqa: S608 - written above
    ),
    Check(
        "claim",
        "what is claimed of a borrower is what late payouts that wait have brought them",
        """
select
    'payout_claim:' || borrower_id as subject,
    sum(claimed)::bigint as kept_cents,
    sum(posted)::bigint as posted_cents
from (
    select late_payout.borrower_id, loan.principal_cents as claimed, 0 as posted
    from late_payout
    join loan on loan.id = late_payout.loan_id
    where late_payout.begun_at is null
    union all
    select account.borrower_id, 0, balance.balance_cents
    from account
    join balance on balance.account_id = account.id
    where account.code like 'payout\\_claim:%'
) as each_one
group by borrower_id
having sum(claimed) <> sum(posted)
order by borrower_id
""",
    ),
    Check(
        "two people",
        "what needs an approval has one, by somebody else than who proposed it",
        """
select loan.ref as subject, loan.principal_cents as kept_cents, 0::bigint as posted_cents
from loan
where (
    loan.state in ('written_off', 'recovered')
    or (loan.principal_cents > (loan.terms ->> 'approval_above_cents')::bigint
        and loan.state not in ('applied', 'rejected'))
)
and not exists (
    select 1
    from approval
    where approval.loan_id = loan.id
    and approval.kind = case when loan.state in ('written_off', 'recovered') then 'write_off' else 'loan' end
    and approval.state = 'approved'
    and approval.decided_by <> approval.proposed_by
)
order by loan.id
""",
        amounts=False,
    ),
    Check(
        "business days",
        "closed business days have no gap",
        """
select day::text as subject, 1::bigint as kept_cents, (day - before)::bigint as posted_cents
from (
    select day, lag(day) over (order by day) as before
    from business_day
) as days
where day - before <> 1
order by day
""",
        amounts=False,
    ),
)

CHECKS = (*LEDGER, *LOANS)
