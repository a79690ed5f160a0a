"""ussd_airflow_engine under Flask and gunicorn, see app.py: the menus of the bench, as its YAML journey.

It lives in a virtual environment of its own, because its dependencies are not ours.
"""

import sys
from pathlib import Path

from loadtests.rivals.rival import BUILT, FOLDER, Place, Rival, step

_HERE = FOLDER / "airflow"
_LOCKED = _HERE / "requirements.txt"
_THREADS = 2  # more threads only fight for the interpreter


def _install(folder: Path) -> None:
    step([sys.executable, "-m", "venv", str(folder / "venv")], folder)
    pip = [str(folder / "venv/bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    step([*pip, "--no-deps", "--require-hashes", "-r", str(_LOCKED)], folder)


def _command(place: Place) -> list[str]:
    environment = [f"RIVAL_REDIS_URL={place.redis_url}", f"RIVAL_DATA={place.folder}"]
    python = str(BUILT / "airflow" / "venv" / "bin" / "python")
    gunicorn = [python, "-m", "gunicorn", "app:app", "--pythonpath", str(_HERE)]
    options = ["--bind", f"127.0.0.1:{place.port}", "--workers", "1", "--worker-class", "gthread"]
    options += ["--threads", str(_THREADS), "--keep-alive", "75", "--log-level", "warning"]
    return ["env", *environment, *gunicorn, *options]


RIVAL = Rival(
    name="airflow",
    key="airflow_per_s",
    label="ussd_airflow_engine + Flask: the menus",
    command=_command,
    menus=True,
    sources=(_LOCKED,),
    steps=_install,
)
