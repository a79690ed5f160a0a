"""A picture of how a fitted scorecard does on what it has not seen: PNG or SVG, drawn by matplotlib."""

from pathlib import Path

from services.scoring.fitting import Fitted, require
from services.scoring.quality import curve
from ussd_engine.errors import UssdError

SUFFIXES = (".png", ".svg")
GOOD, BAD = "#1b7f5c", "#c0392b"


def check(path: Path) -> None:
    """Raises UssdError when it is no place for a picture."""
    if path.suffix.lower() not in SUFFIXES:
        raise UssdError(f"{path}: a picture is .png or .svg.")


def draw(fitted: Fitted, path: Path) -> None:
    """Three panels: who has which score, KS, ROC. Raises UssdError when it cannot be written."""
    check(path)
    figures, backend = require("matplotlib.figure"), require("matplotlib")
    scores, bad = fitted.scores[1], fitted.bad[1]
    points = [(float(score), b, g) for score, b, g in curve(scores, bad)]
    figure = figures.Figure(figsize=(12, 4), layout="constrained")
    spread, ks, roc = figure.subplots(1, 3)
    groups = [[s for s, b in zip(scores, bad, strict=True) if b is kind] for kind in (False, True)]
    spread.hist(groups, bins=20, density=True, color=[GOOD, BAD], label=["good", "bad"])
    spread.set(title="Scores of those held out", xlabel="score", ylabel="density")
    ks.plot([p[0] for p in points], [p[2] for p in points], color=GOOD, label="good")
    ks.plot([p[0] for p in points], [p[1] for p in points], color=BAD, label="bad")
    widest = max(points, key=lambda p: p[1] - p[2])
    ks.vlines(widest[0], widest[2], widest[1], color="#555555", linestyles="dashed")
    ks.set(title=f"KS {fitted.test.ks:.3f} at {widest[0]:.0f}", xlabel="score", ylabel="share at or below")
    roc.plot([0.0, *(p[2] for p in points)], [0.0, *(p[1] for p in points)], color=GOOD, label="held out")
    seen = list(curve(fitted.scores[0], fitted.bad[0]))
    roc.plot([0.0, *(p[2] for p in seen)], [0.0, *(p[1] for p in seen)], color="#999999", label="fitted to")
    roc.plot([0, 1], [0, 1], color="#cccccc", linestyle="dotted")
    roc.set(title=f"Gini {fitted.test.gini:.3f}", xlabel="good refused", ylabel="bad refused")
    for panel in (spread, ks, roc):
        panel.legend(frameon=False)
    try:
        with backend.rc_context({"svg.hashsalt": "scorecard"}):  # the same picture each time
            figure.savefig(path, metadata={"Date": None} if path.suffix.lower() == ".svg" else None)
    except OSError as error:
        raise UssdError(f"Cannot write {path}: {error.strerror}.") from None
