"""python -m loadtests.rivals [prepare|list] [NAME …]: make the rivals ready, or say which can run here."""

import argparse
import sys

from loadtests.rivals.catalog import RIVALS
from loadtests.rivals.rival import Rival
from ussd_engine.errors import UssdError


def main() -> int:
    """1 when a rival that was named cannot be made ready; without names what cannot be is only said."""
    parser = argparse.ArgumentParser(prog="python -m loadtests.rivals", description=__doc__)
    parser.add_argument("command", choices=["prepare", "list"])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(RIVALS)}; else all")
    options = parser.parse_args()
    if unknown := [name for name in options.names if name not in RIVALS]:
        parser.error(f"no such rival: {', '.join(unknown)}")
    chosen = [RIVALS[name] for name in options.names or RIVALS]
    ready = [_listed(rival) if options.command == "list" else _prepared(rival) for rival in chosen]
    return 1 if options.names and not all(ready) else 0


def _prepared(rival: Rival) -> bool:
    try:
        made = rival.prepare()
    except UssdError as error:
        print(f"{rival.name}: left out. {error}", file=sys.stderr)
        return False
    print(f"{rival.name}: {'made ready' if made else 'ready'}")
    return True


def _listed(rival: Rival) -> bool:
    missing = rival.missing()
    print(f"{rival.name:8} {rival.label}: {'ready' if missing is None else missing}")
    return missing is None


if __name__ == "__main__":
    sys.exit(main())
