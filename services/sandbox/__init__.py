"""A stand-in for Safaricom's Daraja and Africa's Talking's SMS, with wallets of its own: see docs/sandbox.md.

It keeps its own books and misbehaves on request, so that a lender built against it can be held to the
cent, whatever the network does. It knows nothing of loans, and imports nothing of the lender.
"""
