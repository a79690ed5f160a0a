"""python -m loadtests.bench NAME [--json]: run one bench, or all of them one after the other."""

import argparse
import signal
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import ModuleType

import orjson

from loadtests.bench import (
    cold,
    everything,
    journey,
    lists,
    machine,
    menu_sizes,
    money,
    publish,
    score,
    sessions,
    step,
    turn,
)
from loadtests.bench.load import CLIENTS
from loadtests.bench.report import Report
from ussd_engine.errors import UssdError

# Each has `run(options) -> Report`, and `options(parser)` when it is told more than the others.
BENCHES: dict[str, ModuleType] = {
    "turn": turn,
    "journey": journey,
    "money": money,
    "step": step,
    "score": score,
    "sessions": sessions,
    "menus": menu_sizes,
    "publish": publish,
    "cold": cold,
    "lists": lists,
}
ALL = "all"
LONG = ("lists",)  # by name only: a million people are made first


def main(arguments: list[str] | None = None) -> int:
    """Run the bench that is named. 1 when an answer was wrong, or it could not be run."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that servers are stopped
    try:
        with nullcontext() if options.let_sleep else machine.awake():
            report = _run(options)
    except UssdError as error:
        print(error, file=sys.stderr)
        return 1
    if options.report is not None:
        options.report.write_bytes(report.dump())
    print(orjson.dumps(report.values).decode() if options.json else report.table())
    for fault in report.faults:
        print(fault, file=sys.stderr)
    return 1 if report.faults else 0


def _run(options: argparse.Namespace) -> Report:
    if options.bench == ALL:
        names = [name for name in BENCHES if name not in (*options.skip, *LONG)]
        return everything.run(options, names)
    run: Callable[[argparse.Namespace], Report] = BENCHES[options.bench].run
    return run(options)


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    common.add_argument("--report", type=Path, help="write the whole report, notes and faults too, as JSON")
    common.add_argument("--seconds", type=int, default=3, help="of each measured run (default 3)")
    common.add_argument("--repeats", type=int, default=3, help="of each measurement (default 3)")
    common.add_argument("--connections", type=int, default=128, help="of the load generator (default 128)")
    common.add_argument("--client", choices=["auto", *CLIENTS], default="auto", help="load generator")
    common.add_argument("--let-sleep", action="store_true", help="idle cores halt, as they do by default")
    parser = argparse.ArgumentParser(prog="python -m loadtests.bench", description=__doc__)
    parsers = parser.add_subparsers(dest="bench", required=True, metavar="NAME")
    for name, bench in BENCHES.items():
        words = (bench.__doc__ or "").partition("\n")[0]
        own = parsers.add_parser(name, parents=[common], help=words, description=bench.__doc__)
        if hasattr(bench, "options"):
            bench.options(own)
    own = parsers.add_parser(ALL, parents=[common], help="all of them", description=everything.__doc__)
    own.add_argument("--skip", choices=BENCHES, action="append", default=[], help="one not to run")
    return parser


if __name__ == "__main__":
    sys.exit(main())
