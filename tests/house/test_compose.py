"""docker-compose.yml without a Docker engine: it parses, its commands are real, and each of them runs."""

import os
import re
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import yaml
from typer.testing import CliRunner

from loadtests.bench.processes import free_port
from services.mpesa.settings import MpesaSettings
from services.sms.settings import SmsSettings
from tests.house.processes import below, gone_within
from ussd_engine.cli import app
from ussd_engine.embedded import Servers
from ussd_engine.settings import DEVELOPMENT_SECRET, Settings

FIRST_SERVICES = {"web", "worker", "beat", "redis", "memcached", "db"}
STARTING_DOCUMENT = {
    "DATABASE_URL", "REDIS_URL", "MEMCACHED_HOST", "MEMCACHED_PORT", "AT_API_KEY", "AT_USERNAME", "ENV",
    "MPESA_CONSUMER_KEY", "MPESA_CONSUMER_SECRET", "MPESA_PASSKEY", "MPESA_CALLBACK_URL",
}  # fmt: skip
OURS = {"web", "relay", "worker", "beat", "migrate"}


@pytest.fixture(scope="session")
def compose(repository: Path) -> dict[str, Any]:
    """The file with its variables at their defaults, as in a clone without .env."""
    text = (repository / "docker-compose.yml").read_text()
    parsed: dict[str, Any] = yaml.safe_load(re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text))
    return parsed


@pytest.fixture(scope="session")
def example(repository: Path) -> dict[str, str]:
    lines = (repository / ".env.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_the_services_are_those_promised_and_wait_for_each_other(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert FIRST_SERVICES | {"migrate", "lb", "relay"} == set(services)
    for name, service in services.items():
        for needed, condition in service.get("depends_on", {}).items():
            if condition["condition"] == "service_healthy":
                assert "healthcheck" in services[needed], f"{name} waits for the health of {needed}"
    for name in ("web", "relay", "worker", "beat"):
        assert services[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}


def test_our_processes_run_without_rights_on_a_read_only_disk(
    compose: dict[str, Any], repository: Path
) -> None:
    for name in OURS:
        service = compose["services"][name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
    assert "\nUSER ussd\n" in (repository / "Dockerfile").read_text()


def test_every_name_of_the_starting_document_is_in_the_example_and_reaches_the_processes(
    compose: dict[str, Any], example: dict[str, str]
) -> None:
    assert set(example) >= STARTING_DOCUMENT
    given = compose["services"]["web"]["environment"]
    assert set(given) >= STARTING_DOCUMENT | {"USSD_SECRET"}
    for name in set(given) & set(example):
        assert str(given[name] or "") == example[name], f"{name} has two defaults"


def test_every_variable_of_the_file_is_in_the_example(repository: Path, example: dict[str, str]) -> None:
    used = set(re.findall(r"(?<!\$)\$\{(\w+)", (repository / "docker-compose.yml").read_text()))
    assert used <= set(example)


def test_the_example_is_read_as_settings(example: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in example.items():
        monkeypatch.setenv(name, value)
    read = Settings(_env_file=None)
    assert read.database_url == example["DATABASE_URL"]
    assert read.celery_broker_url == example["CELERY_BROKER_URL"]
    assert read.secret.get_secret_value() == DEVELOPMENT_SECRET


PREFIXES = {"MPESA_": MpesaSettings, "AT_": SmsSettings}


@pytest.mark.parametrize("prefix", PREFIXES)
def test_every_variable_that_the_settings_know_reaches_the_processes_and_is_in_the_example(
    prefix: str, compose: dict[str, Any], repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = PREFIXES[prefix]
    known = {prefix + name.upper() for name in made.model_fields}
    given = compose["services"]["web"]["environment"]
    assert {name for name in given if name.startswith(prefix)} == known
    for service in OURS:
        assert compose["services"][service]["environment"] == given

    lines = (repository / ".env.example").read_text().splitlines()
    said = dict(
        line.removeprefix("# ").split("=", 1) for line in lines if re.match(rf"(# )?{prefix}\w+=", line)
    )
    assert set(said) == known
    for name, value in said.items():
        monkeypatch.setenv(name, value)
    assert made(_env_file=None) == made.model_construct(), "a default in .env.example is another one"


def test_each_of_our_commands_is_one_of_ussd(compose: dict[str, Any]) -> None:
    for name in OURS:
        command = compose["services"][name]["command"]
        result = CliRunner().invoke(app, [*command, "--help"])
        assert result.exit_code == 0, (name, result.output)


def test_compose_itself_accepts_the_file(repository: Path, tmp_path: Path) -> None:
    command = next((c for c in (["docker", "compose"], ["docker-compose"]) if works(c)), None)
    if command is None:
        pytest.skip("neither `docker compose` nor `docker-compose` is here")
    empty = tmp_path / "none.env"
    empty.touch()
    files = ["-f", str(repository / "docker-compose.yml"), "--env-file", str(empty)]
    checked = subprocess.run([*command, *files, "config", "-q"], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")


def works(command: list[str]) -> bool:
    if shutil.which(command[0]) is None:
        return False
    return subprocess.run([*command, "version"], capture_output=True, check=False).returncode == 0


@pytest.fixture
def environment(servers: Servers, empty_pg_url: str, redis_url: str) -> dict[str, str]:
    """What compose would give the processes, on the servers of the tests."""
    broker = redis_url.replace("unix://", "redis+socket://").replace("db=", "virtual_host=")
    return {
        **os.environ,
        "ENV": "production",
        "USSD_SECRET": "0123456789abcdef0123456789abcdef",
        "DATABASE_URL": empty_pg_url,
        "REDIS_URL": redis_url,
        "CELERY_BROKER_URL": broker,
    }


def ussd(command: list[str], environment: dict[str, str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "ussd_engine.cli", *command],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def until(process: "subprocess.Popen[str]", said: str) -> None:
    assert process.stdout is not None
    output = ""
    for line in process.stdout:
        output += line
        if said in line:
            return
    pytest.fail(f"it ended without saying {said!r}:\n{output}")


def stop(process: "subprocess.Popen[str]") -> None:
    """It ends in order, and nothing of it stays."""
    everything = below(process.pid)
    process.terminate()
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 0, output
    assert gone_within(5, everything)


@pytest.fixture
def migrated(compose: dict[str, Any], environment: dict[str, str]) -> dict[str, str]:
    migrate = ussd(compose["services"]["migrate"]["command"], environment)
    output, _ = migrate.communicate(timeout=60)
    assert migrate.returncode == 0, output
    return environment


async def test_migrate_brings_the_database_up_and_is_done(migrated: dict[str, str]) -> None:
    connection = await asyncpg.connect(migrated["DATABASE_URL"])
    try:
        assert await connection.fetchval("SELECT count(*) FROM alembic_version") == 1
    finally:
        await connection.close()


@pytest.mark.slow
def test_web_serves_with_its_workers_and_stops_in_order(
    compose: dict[str, Any], migrated: dict[str, str]
) -> None:
    port = free_port()
    command = [str(port) if part == "8000" else str(part) for part in compose["services"]["web"]["command"]]
    workers = int(command[command.index("--workers") + 1])
    web = ussd(command, migrated)
    try:
        for _ in range(workers):
            until(web, '"serving"')
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=10) as answer:
            assert answer.status == 200
    finally:
        stop(web)


@pytest.mark.slow
def test_worker_takes_tasks_and_stops_in_order(compose: dict[str, Any], migrated: dict[str, str]) -> None:
    worker = ussd([str(part) for part in compose["services"]["worker"]["command"]], migrated)
    try:
        until(worker, "ready.")
    finally:
        stop(worker)


@pytest.mark.slow
def test_beat_starts_and_stops_in_order(compose: dict[str, Any], migrated: dict[str, str]) -> None:
    beat = ussd(compose["services"]["beat"]["command"], migrated)
    try:
        until(beat, "beat: Starting")
    finally:
        stop(beat)


def test_production_with_the_development_secret_does_not_start(environment: dict[str, str]) -> None:
    for command in (["serve"], ["worker"], ["beat"]):
        process = ussd(command, environment | {"USSD_SECRET": DEVELOPMENT_SECRET})
        output, _ = process.communicate(timeout=20)
        assert process.returncode == 1
        assert output.startswith("ussd: ENV=production needs USSD_SECRET of at least 32 characters.")
        assert output.count("\n") == 1
