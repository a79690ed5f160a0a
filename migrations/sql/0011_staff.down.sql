-- The lender's staff: who they are, what proves it, and what they changed: back.
drop trigger approval_not_by_own_key on approval;
drop function approval_not_by_own_key();
drop table api_reply, audit, api_key, login_try, staff_token, staff_login, staff;
drop function api_key_guard();
drop function staff_guard();
