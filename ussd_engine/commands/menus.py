"""`ussd check`, `test`, `draw` and `try`: what product staff run on a menu folder."""

from collections.abc import Iterable
from pathlib import Path

from ussd_engine.errors import UssdError


def check(folders: Iterable[Path]) -> int:
    """Print the findings of each folder. 1 when there are errors, else 0."""
    from ussd_engine.menu import check_folder, read_sources, render

    failed = False
    for folder in _menu_folders(folders):
        checked = check_folder(folder)
        sources = read_sources(folder)
        for finding in checked.findings:
            print(f"{folder}/{render(finding, sources)}\n")
        errors = sum(finding.severity == "error" for finding in checked.findings)
        warnings = len(checked.findings) - errors
        failed = failed or errors > 0
        print(f"{folder}: {_counted(errors, 'error')}, {_counted(warnings, 'warning')}")
    return int(failed)


def test(folders: Iterable[Path]) -> int:
    """Play the journeys of each folder. 1 when one failed, else 0."""
    from ussd_engine.menu import journeys

    failed = False
    for folder in _menu_folders(folders):
        report = journeys.run(folder)
        print(f"{folder}\n{report.render()}")
        failed = failed or not report.ok
    return int(failed)


def draw(folder: Path, output: Path | None, language: str, *, graphviz: bool) -> None:
    """Print the picture of a folder, or write it to a file."""
    from ussd_engine.menu.draw import draw as picture

    text = picture(folder, language=language, graphviz=graphviz)
    if output is None:
        print(text, end="")
    else:
        output.write_text(text, encoding="utf-8")


def try_(url: str | None, phone: str | None, code: str | None, *, lines: bool) -> int:
    """Be a phone on a running server, or on a private one."""
    from ussd_engine.phone import terminal

    if url is not None:
        return terminal.run(url, phone, code, lines)
    from ussd_engine import dev

    with dev.private_server() as private:
        return terminal.run(private, phone, code, lines)


def _menu_folders(folders: Iterable[Path]) -> list[Path]:
    """The folders given; of several, as from `menus/*`, those that are menu folders."""
    given = list(folders)
    if len(given) > 1:
        given = [folder for folder in given if (folder / "service.yaml").exists()]
        if not given:
            raise UssdError("None of these is a menu folder: each has a service.yaml.")
    return given


def _counted(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"
