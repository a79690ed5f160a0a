"""A process that a failpoint kills: `python -m tests.faults.child WHAT [ID]`.

submit ID   ask M-Pesa for a loan's payout          inbox   process callbacks
prompt ID   show a payment request's prompt         web     take callbacks; prints its port
"""

import asyncio
import os
import sys

import asyncpg
from aiohttp import web

from services.mpesa import callbacks, client, payouts, repayments
from services.mpesa.inbox import process_inbox
from services.mpesa.settings import MpesaSettings
from ussd_engine.settings import settings


async def main(what: str, number: int) -> None:
    chosen, mpesa = settings(), MpesaSettings()
    secret = chosen.secret.get_secret_value().encode()
    async with (
        asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=1, max_size=3) as pool,
        client.opened(mpesa, secret, os.environ["REDIS_URL"]) as daraja,
    ):
        if what == "submit":
            await payouts.submit(pool, daraja, number)
        elif what == "prompt":
            await repayments.prompt(pool, daraja, number)
        elif what == "inbox":
            await process_inbox(pool, mpesa)
        else:
            app = web.Application()
            app.add_routes(callbacks.routes(lambda: callbacks.Desk(chosen, mpesa, pool)))
            runner = web.AppRunner(app, access_log=None)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            print(runner.addresses[0][1], flush=True)
            await asyncio.Event().wait()


asyncio.run(main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0))
