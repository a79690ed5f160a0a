"""python -m loadtests.bench NAME [--json]: run one bench."""

import argparse
import signal
import sys
from collections.abc import Callable

import orjson

from loadtests.bench import step, turn
from loadtests.bench.report import Report
from ussd_engine.errors import UssdError

BENCHES: dict[str, Callable[[argparse.Namespace], Report]] = {"turn": turn.run, "step": step.run}


def main() -> int:
    """Run the bench that is named. 1 when an answer was wrong."""
    parser = argparse.ArgumentParser(prog="python -m loadtests.bench", description=__doc__)
    parser.add_argument("bench", choices=BENCHES)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    parser.add_argument("--seconds", type=int, default=3, help="of each measured run (default 3)")
    parser.add_argument("--repeats", type=int, default=3, help="of each measurement (default 3)")
    parser.add_argument("--connections", type=int, default=128, help="of the load generator (default 128)")
    parser.add_argument("--client", choices=["auto", "wrk", "asyncio"], default="auto", help="load generator")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that servers are stopped
    try:
        report = BENCHES[options.bench](options)
    except UssdError as error:
        print(error, file=sys.stderr)
        return 1
    print(orjson.dumps(report.values).decode() if options.json else report.table())
    for fault in report.faults:
        print(fault, file=sys.stderr)
    return 1 if report.faults else 0


if __name__ == "__main__":
    sys.exit(main())
