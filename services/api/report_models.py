"""What reports over HTTP are asked with, and answer."""

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from services.api.lists.query import Day, Id

MOST_ROWS = 10_000
MOST_ITEMS = 1_000

Kind = Literal["text", "date", "time", "cents", "count", "share"]
FileFormat = Literal["csv", "xlsx", "pdf"]
Outcome = Literal["matched", "ours_only", "theirs_only", "amount_differs", "date_differs", "reversed"]
Value = str | int | None


class ReportColumn(BaseModel):
    """A column. `cents` are whole cents, a `share` is hundredths of a percent, a day is Nairobi's."""

    name: str = Field(examples=["outstanding"])
    title: str = Field(examples=["Outstanding"])
    kind: Kind
    total: bool = Field(description="Whether it is summed.")


class ReportAbout(BaseModel):
    """A report that can be made, and what it is asked."""

    name: str = Field(examples=["portfolio"])
    title: str
    about: str
    asks: Literal["as_of", "period"] = Field(description="One day, or `from` and `to`.")
    as_of: bool = Field(description="Whether `as_of` may be said.")
    by: list[str] = Field(description="What it can be grouped by.", examples=[["day", "month"]])
    formats: list[FileFormat]
    private: bool = Field(description="It names people: `borrowers:reveal` is needed, too.")
    columns: list[ReportColumn]


class ReportCatalog(BaseModel):
    """Every report there is."""

    items: list[ReportAbout]


class ReportQuery(BaseModel):
    """What a report is about. What is left out is yesterday, or the month so far."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    since: Day | None = Field(None, alias="from", description="The first day of a period.")
    until: Day | None = Field(None, alias="to", description="Its last day.")
    as_of: Day | None = Field(None, description="The day at whose end it counts.")
    by: Literal["day", "month"] | None = Field(None, description="How it is grouped, where it can be.")
    format: Literal["json", "csv", "xlsx", "pdf"] = Field(
        "json", description=f"JSON holds up to {MOST_ROWS:,} rows; a file holds all."
    )


class ReportFact(BaseModel):
    """A figure beside the rows."""

    name: str = Field(examples=["par30"])
    title: str
    kind: Kind
    value: Value


class ReportMade(BaseModel):
    """A report: its rows, their totals, and the figures beside them."""

    name: str = Field(examples=["portfolio"])
    title: str
    period: str = Field(examples=["as of 2026-11-22"])
    made_at: datetime
    columns: list[ReportColumn]
    rows: list[dict[str, Value]]
    totals: dict[str, int]
    facts: list[ReportFact]


class RunsQuery(BaseModel):
    """Which of the reports that were made."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = Field(None, max_length=40, examples=["portfolio"])
    after: int = Field(0, ge=0, le=2**63 - 1, description="`next_after` of the page before.")
    limit: int = Field(50, ge=1, le=500)


class ReportRun(BaseModel):
    """A report that was made."""

    id: int = Field(examples=[12])
    name: str = Field(examples=["portfolio"])
    parameters: dict[str, str]
    period_to: date
    scheduled: bool
    format: FileFormat
    made_by: str = Field(examples=["system"])
    made_at: datetime
    rows: int
    data_sha256: str = Field(description="Of its CSV, whatever the format.")
    file_sha256: str
    has_file: bool = Field(description="Whether `…/file` gives it.")


class ReportRuns(BaseModel):
    """A page of them, the latest first. next_after: where the next page begins; null on the last one."""

    items: list[ReportRun]
    next_after: int | None


class ReconciliationQuery(BaseModel):
    """Which of its items."""

    model_config = ConfigDict(extra="forbid")

    outcome: Outcome | None = Field(None, description="Show the items that came out like this, too.")


class ReconciliationItem(BaseModel):
    """Something that moved, by our books and by M-Pesa's."""

    subject: str
    kind: str
    outcome: Outcome
    ours_cents: int | None
    theirs_cents: int | None
    ours_on: date | None
    ours_at: datetime | None
    theirs_at: datetime | None


class ReconciliationRun(BaseModel):
    """What comparing our books with M-Pesa's found; counts and sums are by outcome."""

    id: Id
    source: str
    account: str
    shortcode: str
    state: str
    period_from: datetime | None
    period_to: datetime | None
    lines: int
    copies: int = Field(description="Lines that were there twice.")
    counts: dict[str, int]
    ours: dict[str, int]
    theirs: dict[str, int]
    booked: int
    charges_cents: int
    missing_cents: int | None = Field(description="Of a statement: what its lines lack.")
    opening_cents: int | None
    closing_cents: int | None
    books_opening_cents: int | None
    books_closing_cents: int | None
    open: int = Field(description="What somebody must still look at.")
    items: list[ReconciliationItem] = Field(
        description=f"Up to {MOST_ITEMS:,}, when `outcome` asks for them."
    )
    more: bool = Field(description="Whether there are more items than that.")
