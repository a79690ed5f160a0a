"""The compiled core: menu machine, text sizes, scorecard. Sans-I/O.

Rules for whoever edits this package:

1. Nothing here opens a socket, awaits, reads a clock or imports another package of ours.
2. Each file is plain Python with Cython's annotations, so it runs compiled and interpreted, and the
   same tests run against both. Imports between these files are relative, so that the two can be
   loaded side by side.

`USSD_PURE=1` makes Python read the sources although compiled modules are there.
"""

import importlib.machinery
import importlib.util
import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType


class _SourceFinder:
    """Finds this package's modules by their .py files only."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The module's spec when it is one of ours, else None (the usual finders go on)."""
        if not name.startswith(f"{__name__}."):
            return None
        file = Path(__file__).with_name(name.rpartition(".")[2] + ".py")
        return importlib.util.spec_from_file_location(name, file) if file.exists() else None


COMPILED = any(Path(__file__).parent.glob("program.*.so")) and os.environ.get("USSD_PURE") != "1"

if os.environ.get("USSD_PURE") == "1":
    sys.meta_path.insert(0, _SourceFinder())
elif not COMPILED:
    warnings.warn(
        "core_ext is not compiled, so turns take many times longer. "
        "Install a C compiler and run: make install",
        RuntimeWarning,
        stacklevel=2,
    )
