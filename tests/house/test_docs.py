"""The pages hold: links lead somewhere, settings and commands are the real ones."""

import re
from pathlib import Path

import pytest

from ussd_engine.settings import Settings

PAGES = sorted(
    path.relative_to(Path(__file__).parents[2]) for path in Path(__file__).parents[2].glob("docs/*.md")
)


@pytest.mark.parametrize("page", [Path("README.md"), Path("CHANGELOG.md"), *PAGES], ids=str)
def test_every_link_to_a_file_leads_to_one(page: Path, repository: Path) -> None:
    text = re.sub(r"(?s)```.*?```", "", (repository / page).read_text())
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        assert (repository / page.parent / target).exists(), f"{page} links to {target}"


def test_every_setting_is_explained(repository: Path) -> None:
    explained = (repository / "docs" / "running.md").read_text()
    for name, field in Settings.model_fields.items():
        variable = field.alias or name.upper()
        if not variable.startswith(("MPESA_", "AT_")):
            assert f"`{variable}`" in explained, f"docs/running.md says nothing of {variable}"
