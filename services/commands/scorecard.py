"""`ussd scorecard`: make one from data, look at one, and take in what borrowers agreed to show."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Make scorecards and look at them.", no_args_is_help=True)

Card = Annotated[Path, typer.Argument(help="A scorecard.yaml.")]


@app.callback()
def group() -> None:
    """Make scorecards and look at them."""


@app.command()
def fit(  # noqa: PLR0913, PLR0917 - each is an option
    data: Annotated[Path, typer.Argument(help="A CSV file: a line each, the first one names the columns.")],
    target: Annotated[str, typer.Option(help="The column that says how it ended.")],
    out: Annotated[Path, typer.Option(help="The scorecard.yaml to write.")],
    bad: Annotated[str, typer.Option(help="The target's value that means: not paid back.")] = "1",
    picture: Annotated[Path | None, typer.Option(help="A .png or .svg. [default: beside --out]")] = None,
    ignore: Annotated[list[str] | None, typer.Option(help="A column to leave out; may repeat.")] = None,
    category: Annotated[list[str] | None, typer.Option(help="A column of names, though numbers.")] = None,
    missing: Annotated[list[str] | None, typer.Option(help="A word for no value, beside empty.")] = None,
    test: Annotated[float, typer.Option(min=0.05, max=0.9, help="The share held out.")] = 0.3,
    seed: Annotated[int, typer.Option(help="Of the choice who is held out.")] = 1,
    least_iv: Annotated[float, typer.Option(min=0, help="Features that tell less are left out.")] = 0.02,
    bins: Annotated[int, typer.Option(min=2, max=50, help="The most for one feature.")] = 8,
    any_trend: Annotated[bool, typer.Option("--any-trend", help="Bins need not be monotone.")] = False,
    pdo: Annotated[float, typer.Option(min=1, help="So many points double the odds.")] = 50,
    odds: Annotated[float, typer.Option(min=0.001, help="Good to one bad at --points.")] = 19,
    points: Annotated[float, typer.Option(min=1, help="The score that has --odds.")] = 600,
    least: Annotated[int | None, typer.Option("--min", help="Scores from here, with --max.")] = None,
    most: Annotated[int | None, typer.Option("--max", help="Scores up to here, instead of pdo.")] = None,
    accept: Annotated[float, typer.Option(min=0.01, max=1, help="The share of them to accept.")] = 0.7,
) -> None:
    """Fit a scorecard to data with optbinning, and say how good it is on what it has not seen."""
    from services.scoring import making
    from services.scoring.fitting import Choices, Points

    choices = Choices(
        target=target,
        bad=bad,
        test_share=test,
        seed=seed,
        least_iv=least_iv,
        most_bins=bins,
        monotone=not any_trend,
        points=Points(pdo, odds, points, least, most),
        accept=accept,
    )
    columns = making.Columns(tuple(category or ()), tuple(ignore or ()), tuple(missing or ()))
    typer.echo(making.make(data, out, picture or out.with_suffix(".png"), choices, columns))


@app.command()
def check(file: Card) -> None:
    """Check a scorecard: line and column of each fault, or its range and hash. Exit code 1 for a fault."""
    from services.scoring import making

    text, sound = making.check(file)
    typer.echo(text, err=not sound)
    raise typer.Exit(0 if sound else 1)


@app.command()
def explain(
    file: Card,
    data: Annotated[list[str], typer.Option("--data", help="name=value, one for each feature; may repeat.")],
) -> None:
    """What one applicant gets: the points of each feature, the score, the decision and the reasons."""
    from services.scoring import making

    typer.echo(making.explain(file, data))


@app.command()
def statement(
    file: Annotated[Path, typer.Argument(help="An M-Pesa statement as CSV.")],
    msisdn: Annotated[str, typer.Option(help="Whose it is, like 254712345678.")],
    form: Annotated[str, typer.Option(help="The number of the consent they signed, if on paper.")] = "",
    words: Annotated[str, typer.Option(help="The version of that form's words.")] = "1",
    by: Annotated[str, typer.Option(help="Who takes it in.", envvar="USER")] = "ussd",
) -> None:
    """Take in a statement that a borrower agreed to show. Only its sums are kept."""
    import asyncio

    from services.scoring.consented import Form, take_once
    from services.scoring.statement import read_file
    from ussd_engine.settings import settings

    signed = Form(form, words) if form else None
    typer.echo(
        asyncio.run(take_once(settings().database_url, read_file(file), msisdn.lstrip("+"), signed, by))
    )
