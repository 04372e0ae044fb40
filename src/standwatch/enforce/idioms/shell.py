"""Command lines that destroy, reveal, raise rights, hide, or run what cannot be read: wherever they run."""

from standwatch.enforce.idioms.reading import read


def danger(text: str) -> str:
    """Why a person should look at the command line `text`; "" for no reason."""
    return read(text).doubt("unread", "harm")
