"""A plain reading of a scorecard's dict, to compare with; and random scorecards and applicants."""

import math
from typing import Any

from hypothesis import strategies as st


def plain_cell(feature: dict[str, Any], value: Any) -> dict[str, Any]:
    if value is None or value != value:
        return feature["missing"]
    for cell in feature["bins"]:
        if "lt" in cell and value < cell["lt"]:
            return cell
        if "in" in cell and value in cell["in"]:
            return cell
    return feature["bins"][-1]


def plain_points(card: dict[str, Any], values: list[Any]) -> dict[str, int]:
    return {f["name"]: plain_cell(f, v)["points"] for f, v in zip(card["features"], values, strict=True)}


def plain_reasons(card: dict[str, Any], values: list[Any], n: int) -> list[str]:
    costs = []
    for feature, value in zip(card["features"], values, strict=True):
        most = max(cell["points"] for cell in [*feature["bins"], feature["missing"]])
        cell = plain_cell(feature, value)
        costs.append((most - cell["points"], cell.get("reason", feature.get("reason"))))
    told: list[str] = []
    for cost, reason in sorted(costs, key=lambda pair: pair[0], reverse=True):
        if cost > 0 and reason is not None and reason not in told:
            told.append(reason)
    return told[:n]


POINTS = st.integers(-100, 100)
EDGES = st.floats(-1e6, 1e6) | st.integers(-50, 50)
REASON = st.sampled_from([None, "R01", "R02", "R03", "R04"])


@st.composite
def cells(draw: st.DrawFn, **bound: Any) -> dict[str, Any]:
    cell = {**bound, "points": draw(POINTS)}
    reason = draw(REASON)
    return cell if reason is None else {**cell, "reason": reason}


@st.composite
def features(draw: st.DrawFn, name: str) -> dict[str, Any]:
    if draw(st.booleans()):
        kind = "number"
        edges = sorted(draw(st.sets(EDGES, max_size=9)))
        bins = [draw(cells(lt=edge)) for edge in edges]
    else:
        kind = "category"
        groups = draw(st.lists(st.integers(1, 3), max_size=5))
        bins = [draw(cells(**{"in": [f"c{i}{j}" for j in range(n)]})) for i, n in enumerate(groups)]
    return {"name": name, "type": kind, "bins": [*bins, draw(cells())], "missing": draw(cells())}


@st.composite
def cards(draw: st.DrawFn) -> dict[str, Any]:
    drawn = [draw(features(f"f{i}")) for i in range(draw(st.integers(1, 6)))]
    bands = [{"decision": "any", "limit_cents": 0}]
    return {"version": "x", "base_points": draw(st.integers(-500, 500)), "features": drawn, "bands": bands}


@st.composite
def applicants(draw: st.DrawFn, card: dict[str, Any]) -> list[Any]:
    values: list[Any] = []
    for feature in card["features"]:
        if feature["type"] == "number":
            edges = [cell["lt"] for cell in feature["bins"] if "lt" in cell]
            near = st.sampled_from(edges) if edges else st.just(0)
            values.append(
                draw(st.none() | near | near.map(lambda e: math.nextafter(e, -math.inf)) | st.floats())
            )
        else:
            known = [c for cell in feature["bins"] for c in cell.get("in", ())]
            values.append(draw(st.none() | st.sampled_from([*known, "unheard of", ""])))
    return values
