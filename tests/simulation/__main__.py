"""python -m tests.simulation --events N --borrowers N --seed S: a run as long as you like.

Exit code 0 when everything held; else what failed, with the seed, the last operations and every balance.
"""

import argparse
import asyncio
import sys
import tempfile
import time
import warnings
from pathlib import Path

import structlog

from migrations import run as migrations
from services.sandbox import credential
from tests.simulation import events, invariants, world
from ussd_engine.embedded import Servers


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--borrowers", type=int, default=200)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--every", type=int, default=500, help="events between two looks at everything")
    parser.add_argument("--counts", action="store_true", help="print how often what came to pass")
    parser.add_argument("--said", type=Path, help="write every operation into this file")
    options = parser.parse_args()
    structlog.configure(processors=[_quiet])
    with tempfile.TemporaryDirectory() as name, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Servers(Path(name) / "servers", durable=False) as servers:
            migrations.upgrade(servers.database_url)
            return asyncio.run(_run(options, servers, Path(name)))


def _quiet(*_: object) -> object:
    raise structlog.DropEvent


async def _run(options: argparse.Namespace, servers: Servers, folder: Path) -> int:
    began = time.monotonic()
    async with world.opened(
        options.seed, options.borrowers, servers.database_url, servers.redis_url, folder, credential.make()
    ) as made:
        joined = time.monotonic()
        try:
            await events.live(made, options.events, invariants.check, options.every)
            await events.come_to_rest(made)
            await invariants.check_at_rest(made)
        except BaseException:
            print(await made.story(), file=sys.stderr)
            raise
        finally:
            if options.said is not None:
                options.said.write_text("\n".join(made.said))
        if options.counts:
            for what, times in {**invariants.summary(made), **made.alerts}.items():
                print(f"{times:7,} {what}")
        took = time.monotonic() - joined
        days = (made.now() - world.timepiece.START).days
        print(
            f"seed {options.seed}: {options.events:,} events, {options.borrowers} borrowers, {days} days in"
            f" {took:.1f} s, after {joined - began:.1f} s of joining. Everything held."
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
