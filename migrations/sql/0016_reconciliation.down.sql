-- M-Pesa's books beside ours: back.
drop index mpesa_inbox_status;
drop table reconciliation_break;
drop function reconciliation_break_guard();
drop table reconciliation_item;
drop table reconciliation_run;
drop view mpesa_movement;
