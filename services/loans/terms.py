"""The terms of a bundle: what its products.yaml, scorecard.yaml and rules.yaml say, and the words that its
screens of consent do. It reaches actions as call.data.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from core_ext.scorecard import Scorecard
from services import documents
from services.borrowers import wording
from services.borrowers.wording import Wording
from services.loans import offered, products
from services.loans.products import Product, Products
from services.rules import model as rules_file
from services.rules.model import Rules
from services.scoring import score
from ussd_engine.plugin import FileProblem

PRODUCTS_FILE = "products.yaml"
SCORECARD_FILE = "scorecard.yaml"


@dataclass(slots=True, frozen=True)
class Terms:
    """What is lent and to whom, and what they agreed to."""

    products: Products
    scorecard: Scorecard
    rules: Rules = field(default_factory=Rules)
    wording: Wording = field(default_factory=Wording)  # of the terms
    offers_wording: Wording = field(default_factory=Wording)  # of the question whether to send offers

    @property
    def product(self) -> Product:
        """The product the menus sell."""
        return self.products.on_sale


def read(sources: Mapping[str, str]) -> tuple[Terms | None, list[FileProblem]]:
    """The terms of a folder's files, or None and every fault in them."""
    problems = [
        FileProblem(name, 1, 1, f"{name} is missing", "The lender needs it beside service.yaml.")
        for name in (PRODUCTS_FILE, SCORECARD_FILE)
        if name not in sources
    ]
    if problems:
        return None, problems
    product_file = documents.read(PRODUCTS_FILE, sources[PRODUCTS_FILE])
    scorecard_file = documents.read(SCORECARD_FILE, sources[SCORECARD_FILE])
    sold = products.parse(product_file)
    card = score.parse(scorecard_file)
    menus = documents.menus(sources)
    rules, rules_document = rules_file.read(sources.get(rules_file.FILE), menus)
    if sold is not None:
        offered.compare(product_file, sold, menus)
    problems = [*product_file.problems, *scorecard_file.problems, *rules_document.problems]
    if sold is None or card is None or rules is None or problems:
        return None, problems
    asked = rules.consent
    if asked is None:
        return Terms(sold, card, rules), []
    return Terms(sold, card, rules, wording.of(asked.screens, menus), wording.of(asked.offers, menus)), []
