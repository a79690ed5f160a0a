drop table pin_stage;
drop table consent;
drop function refuse_change();
drop table borrower;
