"""M-Pesa by Safaricom's Daraja: the client, callbacks and their inbox, payouts, repayments, the float."""
