"""What API keys were hashed with before a change of the secret key.

Revision: 0002
"""

from shared.migrations.sql import run_sql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# Of an API key only the hash is known: under a new secret key it cannot be made anew. What went
# into the hash is kept instead, encrypted under the key that is the newest.
_ADD = "ALTER TABLE organization ADD COLUMN former_peppers bytea"
_DROP = "ALTER TABLE organization DROP COLUMN former_peppers"


def upgrade() -> None:
    run_sql(_ADD)


def downgrade() -> None:
    run_sql(_DROP)
