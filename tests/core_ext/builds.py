"""Both builds of `core_ext` in one process: the compiled one, and the same sources interpreted.

The interpreted one is the package loaded a second time as `core_ext_pure`, with a finder that knows
source files only. Imports between core_ext's files are relative, so the two never mix.
"""

import fcntl
import functools
import importlib
import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
import warnings
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "core_ext"
ALIAS = "core_ext_pure"


class Core:
    """One build of core_ext. Its modules are attributes: `core.program`, `core.text`, …"""

    def __init__(self, package: str) -> None:
        self.package = package

    def __getattr__(self, name: str) -> ModuleType:
        if not (SOURCES / f"{name}.py").exists():
            raise AttributeError(name)
        return importlib.import_module(f"{self.package}.{name}")

    def __repr__(self) -> str:
        return "interpreted" if self.package == ALIAS else "compiled"


@functools.cache
def interpreted() -> Core:
    """The sources, interpreted."""
    spec = importlib.util.spec_from_file_location(
        ALIAS, SOURCES / "__init__.py", submodule_search_locations=[str(SOURCES)]
    )
    assert spec is not None
    assert spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules[ALIAS] = package
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # "core_ext is not compiled": as we want it
        spec.loader.exec_module(package)
    if package._SourceFinder not in sys.meta_path:
        sys.meta_path.insert(0, package._SourceFinder)
    core = Core(ALIAS)
    assert core.program.__file__.endswith(".py")
    return core


@functools.cache
def compiled() -> Core:
    """The compiled modules, built first when they are missing or older than their sources."""
    if os.environ.get("USSD_PURE") == "1":
        pytest.skip("USSD_PURE=1 asks for the interpreted build only")
    if not _fresh():
        if shutil.which((sysconfig.get_config_var("CC") or "cc").split()[0]) is None:
            pytest.skip("no C compiler")
        _build()
    core = Core("core_ext")
    for source in SOURCES.glob("*.py"):
        if source.stem != "__init__":
            assert importlib.import_module(f"core_ext.{source.stem}").__file__ != str(source)
    return core


def _fresh() -> bool:
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    for source in SOURCES.glob("*.py"):
        built = source.with_name(source.stem + suffix)
        if source.stem == "__init__":
            continue
        parts = [part for part in (source, source.with_suffix(".pxd")) if part.exists()]
        if not built.exists() or built.stat().st_mtime < max(part.stat().st_mtime for part in parts):
            return False
    return True


def _build() -> None:
    (ROOT / "build").mkdir(exist_ok=True)
    with open(ROOT / "build" / "core_ext.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _fresh():
            subprocess.run(
                [sys.executable, "setup.py", "build_ext", "--inplace"],
                cwd=ROOT, env={**os.environ, "USSD_REQUIRE_COMPILED": "1"}, check=True, capture_output=True,
            )  # fmt: skip
