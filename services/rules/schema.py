"""The JSON Schema of rules.yaml, for editors. It helps while typing; `ussd check` decides.

`python -m services.rules.schema` writes it; a test holds the committed file to what is made here.
"""

from pathlib import Path

from services.loans.schema import of
from services.rules.model import Written

FILE = Path(__file__).parents[2] / "menus" / "schema" / "rules.schema.json"
TITLE = "What the law and good manners ask of a lender"
DESCRIPTION = (
    "Consent, contact, credit bureau, retention. Times are days (30d). Check with: ussd check FOLDER"
)


def render() -> str:
    """The schema as the text of its committed file."""
    return of(Written, FILE.name, TITLE, DESCRIPTION)


if __name__ == "__main__":
    FILE.write_text(render(), encoding="utf-8")
