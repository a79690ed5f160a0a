"""What an operator sees of the lender: metrics on `/metrics`, readiness on `/ready`. See
docs/operations/monitoring.md, which names every metric.

families.py    what the staff's API counts, in the cells of the engine's board: right with several workers
shared.py      what processes without a page count: it goes to Redis, and every page shows it
tasks.py       Celery's signals, counted
books.py       what PostgreSQL knows: payouts, outbox, suspense, float, portfolio
page.py        the last two on the page of a web process
readiness.py   what is away, and whether the web can serve without it
"""
