"""A scorecard as YAML, one bin a line, as people would write it; and a report of how it was fitted.

Text is always quoted and edges are written with every digit they need, so that what is read back is the
same scorecard: its hash says so.
"""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from services.scoring.fitting import Fitted

LEAK_GINI = 0.8  # what people do next is not known so well from what they did


def yaml(definition: Mapping[str, Any], comments: str = "") -> str:
    """The file's text. comments go first, a line each."""
    lines = [f"# {line}".rstrip() for line in comments.splitlines()]
    lines += [f"version: {_text(definition['version'])}", f"base_points: {definition['base_points']}"]
    lines.append("features:")
    for feature in definition["features"]:
        lines += [f"  - name: {_text(feature['name'])}", f"    type: {feature['type']}"]
        if "reason" in feature:
            lines.append(f"    reason: {_text(feature['reason'])}")
        lines.append("    bins:")
        lines += [f"      - {_cell(cell)}" for cell in feature["bins"]]
        lines.append(f"    missing: {_cell(feature['missing'])}")
    lines += ["# What a score gets, best first; limits are in cents.", "bands:"]
    for band in definition["bands"]:
        fields = [f"{name}: {value}" for name, value in band.items()]
        lines.append(f"  - {{{', '.join(fields)}}}")
    return "\n".join(lines) + "\n"


def report(fitted: Fitted) -> str:
    """What people are told: the features, then how good it is on what it has not seen."""
    width = max(len(feature.name) for feature in fitted.features)
    lines = [f"{'feature':{width}}  bins     IV  weight    PSI"]
    for each in sorted(fitted.features, key=lambda feature: -feature.iv):
        lines.append(
            f"{each.name:{width}}  {each.bins:4}  {each.iv:5.3f}  {each.weight:6.3f}  {each.psi:5.3f}"
        )
    if fitted.left_out:
        lines.append(f"left out: {', '.join(fitted.left_out)}")
    for name, group in (("fitted to", fitted.train), ("held out", fitted.test)):
        lines.append(
            f"{name}: {group.rows:,} rows, {group.bad_rate:.1%} bad, Gini {group.gini:.3f}, KS {group.ks:.3f}"
        )
    lines.append(f"PSI of the scores, from the one to the other: {fitted.psi:.3f}")
    if fitted.test.gini > LEAK_GINI:
        lines.append("So good a scorecard is mostly a leak: look for a column that knows how it ended.")
    return "\n".join(lines)


def _cell(cell: Mapping[str, Any]) -> str:
    fields = []
    if "lt" in cell:
        fields.append(f"lt: {Decimal(repr(cell['lt'])):f}")
    if "in" in cell:
        fields.append(f"in: [{', '.join(_text(each) for each in cell['in'])}]")
    fields.append(f"points: {cell['points']}")
    if "reason" in cell:
        fields.append(f"reason: {_text(cell['reason'])}")
    return f"{{{', '.join(fields)}}}"


def _text(text: str) -> str:
    """In double quotes, with JSON's escapes, which are YAML's too."""
    return json.dumps(text, ensure_ascii=False)
