"""`ussd seed`: a lender that was open for years, made up, in minutes. Nobody in it exists.

people      names, and numbers that no network in Kenya has given out
calendar    the days of it, as text, and numbers that grow with them
rows        what goes into which table
portfolio   the portfolio at the end of each day
book        the accounts and journals of one loan
letters     messages, approvals and the audit beside it
lending     one loan, from the application to its end
lives       one borrower after the other
paths       the ways through the menus, and where people give up
dialogs     the hours of dialogs: where people were, how long they took, what it cost
loading     into PostgreSQL, in one transaction, by COPY

The rules: one seed gives the same rows whatever the machine, so nothing here reads a clock or makes a
number of its own. What a loan costs, who may have one and what a payment settles first is asked of the
rooms that decide it in earnest. `ussd ledger verify` passes on the result.
"""
