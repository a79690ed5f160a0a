"""`ussd check`, `test`, `draw` and `try`: what product staff run on a menu folder."""

import os
from collections.abc import Iterable
from pathlib import Path

from ussd_engine.errors import UssdError
from ussd_engine.menu import Checked, check_folder, render


def check(folders: Iterable[Path]) -> int:
    """Print the findings of each folder. 1 when there are errors, else 0."""
    checks = {folder: check_folder(folder) for folder in menu_folders(folders)}
    for folder, checked in checks.items():
        print(findings(folder, checked))
    return int(not all(checked.ok for checked in checks.values()))


def test(folders: Iterable[Path]) -> int:
    """Play the journeys of each folder. 1 when one failed, else 0."""
    from ussd_engine.menu.journeys import run_folder

    reports = {folder: run_folder(folder) for folder in menu_folders(folders)}
    for folder, report in reports.items():
        print(f"{folder}\n{report.render()}")
    return int(not all(report.ok for report in reports.values()))


def draw(folder: Path, form: str, language: str, output: Path | None) -> None:
    """Print the picture of a folder, or write it to a file; each of its files is a box."""
    from ussd_engine.menu.draw import draw_folder

    text = draw_folder(_folder(folder), form=form, language=language)
    if output is None:
        print(text, end="")
    else:
        output.write_text(text, encoding="utf-8")


def try_(target: str | None, phone: str | None, code: str | None, *, lines: bool) -> int:
    """Be a phone on a running server, or on a private one; with a menu folder, one that serves it."""
    from ussd_engine.dev import dialled_codes
    from ussd_engine.phone import terminal

    if target is None or not _names_folder(target):
        return terminal.run(target, phone, code, lines)
    folder = _folder(Path(target)).absolute()
    checked = check_folder(folder)
    if not checked.ok:
        print(findings(folder, checked))
        return 1
    os.environ["MENUS_DIR"] = str(folder.parent)
    own = dialled_codes([folder / "service.yaml"])
    return terminal.run(None, phone, code or own[0], lines)


def findings(folder: Path, checked: Checked) -> str:
    """All findings of a folder, and how many."""
    told = [f"{folder}/{render(finding, checked.sources)}" for finding in checked.findings]
    errors = sum(finding.severity == "error" for finding in checked.findings)
    summary = f"{folder}: {_counted(errors, 'error')}, {_counted(len(told) - errors, 'warning')}"
    return "\n\n".join([*told, summary])


def menu_folders(folders: Iterable[Path]) -> list[Path]:
    """The folders given; of several, as from `menus/*`, those that are menu folders."""
    given = list(folders)
    if len(given) == 1:
        return [_folder(given[0])]
    found = [folder for folder in given if (folder / "service.yaml").exists()]
    if not found:
        raise UssdError("None of these is a menu folder: it has a file service.yaml.")
    return found


def _names_folder(target: str) -> bool:
    """Whether a target is meant as a folder, also one that is not there; else it is a server."""
    return Path(target).is_dir() or ("/" in target and ":" not in target)


def _folder(folder: Path) -> Path:
    if not folder.is_dir():
        raise UssdError(f"There is no folder {folder}.")
    return folder


def _counted(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"
