"""The SQL of bundles.py."""

from typing import Any

import orjson

from ussd_engine.bundle import Bundle, Change

LOCK = "SELECT pg_advisory_xact_lock($1)"

KEEP = """
    INSERT INTO bundle (name, service, sources, created_by, note)
    VALUES ($1, $2, $3::jsonb, $4, $5)
    ON CONFLICT (name) DO NOTHING
"""

PUBLISH = """
    INSERT INTO bundle_publication (service, bundle, published_by, note)
    VALUES ($1, $2, $3, $4)
"""

# The same for a change that was decided elsewhere, by its number: once, and not after a later one, nor over
# what somebody published by hand since it was decided.
PUBLISH_CHANGE = """
    INSERT INTO bundle_publication (service, bundle, published_by, note, change_id)
    SELECT $1, $2, $3, $4, $5
    WHERE NOT EXISTS (
        SELECT 1
        FROM bundle_publication
        WHERE service = $1
        AND (change_id >= $5 OR (change_id IS NULL AND published_at > $6))
    )
    RETURNING id
"""

SOURCES = "SELECT sources::text FROM bundle WHERE name = $1"

LIVE = """
    SELECT DISTINCT ON (service) service, bundle
    FROM bundle_publication
    ORDER BY service, id DESC
"""

PUBLICATIONS = """
    SELECT bundle, published_at, published_by, note
    FROM bundle_publication
    WHERE service = $1
    ORDER BY id DESC
    LIMIT 50
"""


async def publish(connection: Any, bundle: Bundle, by: str, note: str, change: Change | None) -> bool:
    """Keep a bundle's content, and that it is published, inside the caller's transaction. False when this
    change was published before, or comes too late."""
    sources = orjson.dumps(dict(bundle.sources)).decode()
    await connection.execute(KEEP, bundle.name, bundle.service, sources, by, note)
    said = bundle.service, bundle.name, by, note
    if change is None:
        await connection.execute(PUBLISH, *said)
        return True
    made = await connection.fetchval(PUBLISH_CHANGE, *said, change.number, change.decided_at)
    return made is not None
