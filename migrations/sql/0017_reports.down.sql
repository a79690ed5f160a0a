-- Reports: back.
drop table report_run;
drop function share_bp(numeric, numeric);
drop function late_bucket(integer);
drop function held_on(text[], date);
drop function loan_standing(date);
