"""The Umoja menus: every journey goes as written, and together they reach everything there is."""

from pathlib import Path

import pytest

from services.app import service
from ussd_engine.menu import check_sources, read_sources, render
from ussd_engine.menu.journeys import JourneyReport, run_folder

FOLDER = Path(__file__).parents[2] / "menus" / "umoja"


@pytest.fixture(scope="module")
def report() -> JourneyReport:
    return run_folder(FOLDER, service)


def test_every_journey_goes_as_written(report: JourneyReport) -> None:
    assert report.ok, report.render()


def test_every_state_option_and_outcome_is_reached(report: JourneyReport) -> None:
    assert report.unvisited == []
    assert report.there.options - report.reached.options == set()
    assert report.there.outcomes - report.reached.outcomes == set()


def test_every_screen_is_seen_in_both_languages(report: JourneyReport) -> None:
    assert report.there.screens - report.reached.screens == set()


def test_the_menus_check_without_a_word() -> None:
    sources = read_sources(FOLDER)
    findings = check_sources(sources, service).findings
    assert not findings, "\n\n".join(render(finding, sources) for finding in findings)
