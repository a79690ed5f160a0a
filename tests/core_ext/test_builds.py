"""Which build of core_ext a process gets, and that the two are really two."""

import os
import subprocess
import sys

import pytest

from tests.core_ext.builds import ROOT, SOURCES, Core, compiled, interpreted

MODULES = sorted(source.stem for source in SOURCES.glob("*.py") if source.stem != "__init__")


def origin(**environment: str) -> str:
    """Where another process finds core_ext.program, and whether core_ext says it is compiled."""
    code = "import core_ext, core_ext.program as p; print(p.__file__.rpartition('.')[2], core_ext.COMPILED)"
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip


@pytest.mark.parametrize("module", MODULES)
def test_each_module_is_there_compiled_and_interpreted(both: tuple[Core, Core], module: str) -> None:
    files = [getattr(core, module).__file__ for core in both]
    assert not files[0].endswith(".py")
    assert files[1].endswith(".py")


def test_the_interpreted_build_uses_none_of_the_compiled_modules() -> None:
    core = interpreted()
    assert core.template.to_gsm is core.text.to_gsm
    assert core.template.to_gsm is not compiled().template.to_gsm


def test_ussd_pure_makes_python_read_the_sources(both: tuple[Core, Core]) -> None:
    assert origin(USSD_PURE="1") == "py False"
    assert origin(USSD_PURE="") == "so True"
