"""What the menus offer against what products.yaml sells: a slip between the two would reach a borrower as
"the fault is ours", so `ussd check` finds it.
"""

from collections.abc import Iterator
from typing import Any

from services.documents import Document, Menus
from services.loans.products import Products

QUOTE = "loans.quote"


def compare(document: Document, sold: Products, menus: Menus) -> None:
    """Note in the document of products.yaml where the menus ask for something else."""
    product, place = sold.on_sale, ("products", sold.sell)
    for state in menus.states.values():
        arguments = state.get("with")
        if state.get("do") != QUOTE or not isinstance(arguments, dict):
            continue
        for purpose in _values_of(menus, arguments.get("purpose")):
            if purpose not in product.purposes:
                document.problem((*place, "purposes"), f"the menus offer {purpose}, which is not here")
        most = _most_cents(menus, arguments.get("amount"))
        if most is not None and most < product.limit.most_cents:
            shillings = f"{most // 100:,}"
            document.problem(
                (*place, "limit", "most"),
                f"the menus take amounts up to {shillings} only",
                f"Raise `max` of the variables in service.yaml, or lend at most {shillings}.",
            )


def _values_of(menus: Menus, variable: Any) -> Iterator[str]:
    """What the options of menus put into a variable."""
    for state in menus.states.values():
        options = state.get("options")
        if state.get("save") == variable and "menu" in state and isinstance(options, list):
            yield from (row["value"] for row in options if isinstance(row, dict) and "value" in row)


def _most_cents(menus: Menus, variable: Any) -> int | None:
    """The most a money variable holds, when the menus say."""
    declared = menus.service.get("vars")
    found = declared.get(variable) if isinstance(declared, dict) else None
    most = found.get("max") if isinstance(found, dict) else None
    return int(most) * 100 if isinstance(most, str) and most.isdecimal() else None
