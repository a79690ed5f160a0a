"""The borrowers' SQL, by name."""

PROFILE = """
select
    borrower.name,
    borrower.language,
    borrower.registered_at is not null as registered,
    coalesce(
        (
            select version
            from consent
            where consent.borrower_id = borrower.id
            and consent.purpose = 'terms'
            order by id desc
            limit 1
        ),
        ''
    ) as terms,
    offers_wanted(borrower.id) as offers,
    coalesce(borrower.pin_reset_until > now(), false) as pin_reset,
    exists (
        select 1
        from loan
        where loan.borrower_id = borrower.id
        and loan.is_open
    ) as has_loan
from borrower
where borrower.msisdn = $1
"""

# The row of this number, made when it is new. The update is there to return, and lock, an old one.
MEET = """
insert into borrower (msisdn, language)
values ($1, $2)
on conflict (msisdn) do update
set msisdn = excluded.msisdn
returning id, registered_at is not null as registered
"""

GIVE_CONSENT = """
insert into consent (borrower_id, purpose, version, words_sha256, bundle, language, channel, session_key)
values ($1, $2, $3, $4, $5, $6, $7, $8)
"""

# $2: the version that is asked for; empty: any.
HAS_CONSENT = """
select exists (
    select 1
    from consent
    where borrower_id = $1
    and purpose = 'terms'
    and ($2 = '' or version = $2)
)
"""

# Every consent to offers that stands. They may have said yes more than once.
WITHDRAW_OFFERS = """
insert into consent_withdrawal (consent_id, borrower_id, channel, session_key)
select consent.id, consent.borrower_id, $2, $3
from consent
where consent.borrower_id = $1
and consent.purpose = 'marketing'
on conflict (consent_id) do nothing
"""

# They say so themselves: what they or the gateway said before counts no more.
OPT_IN = """
delete from sms_opt_out
where borrower_id = $1
"""

SET_LANGUAGE = """
update borrower
set language = $2
where id = $1
"""

STAGE_PIN = """
insert into pin_stage (msisdn, pin_hash, expires_at)
values ($1, $2, now() + make_interval(secs => $3))
on conflict (msisdn) do update
set pin_hash = excluded.pin_hash,
    expires_at = excluded.expires_at
"""

# Whatever comes of the second entry, the first one is used up.
TAKE_STAGED_PIN = """
delete from pin_stage
where msisdn = $1
returning pin_hash, expires_at > now() as fresh
"""

REGISTER = """
update borrower
set name = $2,
    national_id = $3,
    pin_hash = $4,
    language = $5,
    registered_at = now()
where id = $1
"""

# No row when the PIN is locked, or a new one may be chosen (services/borrowers/resetting.py). A lock that is
# over starts the count again.
COUNT_PIN_TRY = """
update borrower
set pin_failures = case when pin_locked_until is null then pin_failures + 1 else 1 end,
    pin_locked_until = null
where id = $1
and pin_hash is not null
and (pin_reset_until is null or pin_reset_until <= clock_timestamp())
and (pin_locked_until is null or pin_locked_until <= clock_timestamp())
returning pin_hash, pin_failures
"""

FORGET_PIN_TRIES = """
update borrower
set pin_failures = 0
where id = $1
"""

LOCK_PIN = """
update borrower
set pin_locked_until = clock_timestamp() + make_interval(secs => $2)
where id = $1
"""
