"""What is installed is what was locked: exact versions, by hash, from no particular place."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

LOCKS = ["dev.txt", "runtime.txt", "build.txt"]


def blocks(text: str) -> dict[str, str]:
    """Each locked package with its hashes, by name."""
    found = re.split(r"(?m)^(?=[A-Za-z0-9])", text)
    return {
        re.split("[=<>~! ]", block)[0]: block
        for block in found
        if not block.startswith("#") and block.strip()
    }


@pytest.fixture(params=LOCKS)
def lock(request: pytest.FixtureRequest, repository: Path) -> str:
    name: str = request.param
    return (repository / "requirements" / name).read_text()


def test_no_lock_names_a_place_to_fetch_from(lock: str) -> None:
    assert "://" not in lock
    assert not re.search(r"(?m)^\s*(-i|-f|--(extra-)?index|--find|--trusted)", lock)


def test_every_package_has_one_exact_version_and_hashes(lock: str) -> None:
    for name, block in blocks(lock).items():
        assert re.match(rf"{re.escape(name)}(\[[a-z,]+\])?==\S+ ", block), name
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", block), name


def test_production_and_build_run_the_versions_that_were_tested(repository: Path) -> None:
    tested = blocks((repository / "requirements" / "dev.txt").read_text())
    for lock in ("runtime.txt", "build.txt"):
        for name, block in blocks((repository / "requirements" / lock).read_text()).items():
            assert block.split()[0] == tested[name].split()[0]


def test_the_locks_are_complete_and_agree_for_pip_installs_them_without_asking_what_else_is_needed() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pip", "check", "--disable-pip-version-check"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
