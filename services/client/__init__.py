"""A client of the staff's API: async, typed, over httpx.

    async with Client("https://loans.example.org", key="umk_…") as api:
        loan = await api.get_loan(12)
        async for user in api.each_of_users(q="wanjiru"):
            ...

A person logs in with `await api.log_in(email, password)`; tokens are refreshed as they end. What the API
refuses is an exception (errors.py). A change has an Idempotency-Key and is asked again under it when no
answer came (caller.py). Models are in `services.client.generated.models`.
"""

from services.client.errors import (
    ClientError,
    NotAllowed,
    NotNow,
    NotThere,
    NotValid,
    Refused,
    ServerFault,
    TooOften,
    Unknown,
    Unreachable,
)
from services.client.generated import Operations as Client
from services.client.generated import models

__all__ = [
    "Client", "ClientError", "NotAllowed", "NotNow", "NotThere", "NotValid", "Refused", "ServerFault",
    "TooOften", "Unknown", "Unreachable", "models",
]  # fmt: skip
