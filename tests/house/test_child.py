"""Who runs a server of ours, where it may not be us."""

import pwd
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ussd_engine.child import User
from ussd_engine.errors import UssdError

AT_ONCE = 8


@pytest.fixture
def users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A system's list of users, to which `useradd` adds: one who is there already gets another number."""
    users = tmp_path / "users"
    users.touch()
    useradd = tmp_path / "useradd"
    useradd.write_text(f'#!/bin/sh\necho "$1 $((1000 + $(wc -l < {users})))" >> {users}\n')
    useradd.chmod(0o755)

    def getpwnam(name: str) -> pwd.struct_passwd:
        numbers = dict(line.split() for line in users.read_text().splitlines())
        return pwd.struct_passwd((name, "x", int(numbers[name]), int(numbers[name]), "", "/", "/bin/sh"))

    monkeypatch.setattr(pwd, "getpwnam", getpwnam)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return users


def test_many_who_need_the_same_user_at_once_add_one(users: Path) -> None:
    together = threading.Barrier(AT_ONCE)

    def named(_: int) -> User:
        together.wait()
        return User.named("somebody")

    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(named, range(AT_ONCE)))
    assert found == [User(1000, 1000)] * AT_ONCE
    assert users.read_text() == "somebody 1000\n"


@pytest.mark.parametrize("useradd", ["#!/bin/sh\nexit 10\n", "#!/bin/sh\n", "#!/no/such/program\n"])
def test_a_user_that_cannot_be_added_is_one_sentence(users: Path, useradd: str) -> None:
    (users.parent / "useradd").write_text(useradd)
    with pytest.raises(UssdError, match=r"^The user `somebody` is needed, .* Run: useradd somebody$"):
        User.named("somebody")
