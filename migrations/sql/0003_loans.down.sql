drop table decision;
drop table loan_event;
drop table loan;
drop function loan_guard();
drop table loan_move;
