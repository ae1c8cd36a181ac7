"""The tables as latm first had them. Libraries of that time are taken over; new ones are never made so."""

revision = "1"
down_revision = None


def upgrade() -> None:
    """Nothing: it is where old libraries begin."""
