"""Links, their clicks, and what makes creating and counting happen exactly once."""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

STATEMENTS = (
    # Where codes are drawn from; gaps do not matter.
    "CREATE SEQUENCE link_code_number AS bigint MINVALUE 0 START 0",
    # A deleted link stays, so that its code is never given to another link.
    """
    CREATE TABLE links (
        number     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        code       text COLLATE "C" NOT NULL UNIQUE,
        url        text NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        expires_at timestamptz,
        deleted_at timestamptz
    )
    """,
    """
    CREATE TABLE idempotency_keys (
        key         text PRIMARY KEY,
        fingerprint bytea NOT NULL,
        code        text,
        created_at  timestamptz NOT NULL DEFAULT now()
    )
    """,
    "CREATE INDEX idempotency_keys_created_at ON idempotency_keys (created_at)",
    """
    CREATE TABLE link_clicks (
        code            text COLLATE "C" NOT NULL,
        day             date NOT NULL,
        clicks          bigint NOT NULL CHECK (clicks > 0),
        last_clicked_at timestamptz NOT NULL,
        PRIMARY KEY (code, day)
    )
    """,
    # How far each stream has been counted: moved in the transaction that adds the counts.
    "CREATE TABLE click_streams (stream text PRIMARY KEY, counted_up_to text NOT NULL)",
    # Clicks that could not be appended to the stream, or may not have been (is_ambiguous).
    """
    CREATE TABLE stray_clicks (
        click_id     text PRIMARY KEY,
        code         text NOT NULL,
        clicked_at   timestamptz NOT NULL,
        is_ambiguous boolean NOT NULL
    )
    """,
    # Deleted links that the cache may still hold.
    "CREATE TABLE cache_invalidations (code text PRIMARY KEY)",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE links, idempotency_keys, link_clicks, click_streams, stray_clicks, cache_invalidations")
    op.execute("DROP SEQUENCE link_code_number")
