"""`ussd relay`: what the database wants done, handed to the workers."""


def relay() -> None:
    """Hand what is due to the workers, until a signal. One process is enough; several do no harm."""
    import asyncio
    import signal

    from services.tasks import relay as relaying
    from services.tasks.app import make
    from ussd_engine.observe import setup_logging
    from ussd_engine.settings import settings

    async def until_told() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        await relaying.run(chosen.database_url, make(chosen), stop)

    chosen = settings()
    chosen.require_safe()
    setup_logging(chosen)
    asyncio.run(until_told())
