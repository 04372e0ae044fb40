"""PLACEHOLDER of the lead, until the text is written: replace the whole file; keep this name and shape."""

from standwatch.facts.models import Model
from standwatch.watch.diagnosis import Diagnosis


def diagnosis_text(found: Diagnosis, system: str, model: Model) -> str:
    """`found` for a terminal."""
    return f"{system}/{model.component}: {len(found.causes)} causes\n"
