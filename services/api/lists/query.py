"""What every list can be asked, and what a page of one looks like."""

from datetime import date
from typing import Annotated, Generic, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

MOST_LIMIT = 500
MOST_SKIP = 10_000
MOST_CENTS = 10**13

Format = Literal["json", "csv", "xlsx"]
Row = TypeVar("Row", bound=BaseModel)


def _reachable(skip: int) -> int:
    if skip > MOST_SKIP:
        raise ValueError(f"skip goes up to {MOST_SKIP:,}: go on with `cursor`, the `next` of the page before")
    return skip


Cents = Annotated[int, Field(ge=0, le=MOST_CENTS, description="An amount in cents.", examples=[500000])]
Day = Annotated[
    date,
    Field(ge=date(2000, 1, 1), le=date(2100, 1, 1), description="A day in Nairobi.", examples=["2026-11-23"]),
]
DaysLate = Annotated[int, Field(ge=0, le=10_000, description="Days past due.", examples=[30])]
Id = Annotated[int, Field(ge=1, le=2**63 - 1, examples=[7])]
Search = Annotated[
    str, Field(min_length=1, max_length=80, description="What to look for.", examples=["wanjiru kam"])
]


class ListQuery(BaseModel):
    """What every list can be asked. A list has filters beside these; others are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cursor: str | None = Field(
        None, max_length=1_000, description="`next` of a page: the page after it, with the same filters."
    )
    limit: int = Field(50, ge=1, le=MOST_LIMIT, description="Rows of a page.")
    skip: Annotated[int, AfterValidator(_reachable)] = Field(
        0,
        ge=0,
        description=f"Rows to leave out first, up to {MOST_SKIP:,}. `cursor` goes further, and stays right "
        "while rows are added.",
        json_schema_extra={"maximum": MOST_SKIP},
    )
    total: bool = Field(False, description="Count the rows, too. See `total_is_exact`.")
    format: Format = Field(
        "json", description="`csv` or `xlsx`: a file with all rows that fit the filters, in this order."
    )


class Page(BaseModel, Generic[Row]):
    """Some rows of a list."""

    items: list[Row]
    next: str | None = Field(None, description="The cursor of the next page; null on the last one.")
    total: int | None = Field(None, description="How many rows there are, when it was asked for.")
    total_is_exact: bool | None = Field(
        None, description="Above 10,000 rows the total is PostgreSQL's estimate, and this is false."
    )
