"""What is installed has every file that the code reads: YAML, SQL, pages."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

PACKAGES = ("core_ext", "migrations", "services", "ussd_engine")
NOT_INSTALLED = {".c", ".so", ".pyc", ".pyi", ".pxd"}


def test_the_wheel_has_every_file_of_the_packages(repository: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for name in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__", "*.so", "*.c")
        shutil.copytree(repository / name, source / name, ignore=ignored)
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(repository / name, source)
    options = ["-q", "--no-deps", "--no-build-isolation", "--no-index", "-w", str(tmp_path)]
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", *options, str(source)],
        check=True,
        env={"USSD_PURE": "1", "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
    )  # fmt: skip
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        installed = set(archive.namelist())
    wanted = {
        path.relative_to(source).as_posix()
        for name in PACKAGES
        for path in (source / name).rglob("*")
        if path.is_file() and path.suffix not in NOT_INSTALLED
    }
    assert sorted(wanted - installed) == []
