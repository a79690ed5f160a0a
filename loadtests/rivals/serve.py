"""Starts one rival: `python -m loadtests.rivals.serve hello 8001`. Runs until it is stopped."""

import argparse
import asyncio
import gc
from collections.abc import Awaitable, Callable

import uvloop

from loadtests.rivals import form, hello, limit, naive

RIVALS: dict[str, Callable[[int, str], Awaitable[None]]] = {
    "hello": hello.listen,
    "form": form.listen,
    "naive": naive.listen,
    "limit": limit.listen,
}


async def _serve(name: str, port: int, redis_url: str) -> None:
    await RIVALS[name](port, redis_url)
    gc.freeze()
    await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=sorted(RIVALS))
    parser.add_argument("port", type=int)
    parser.add_argument("--redis-url", default="")
    options = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(options.name, options.port, options.redis_url))


if __name__ == "__main__":
    main()
