"""What an attacker may write into an argument is read once: none of these takes long (each would take minutes)."""

import pytest

from standwatch.enforce.idioms import paths, shell, sql, urls

SIZE = 20_000


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "piece",
    ["a", "mutation ", "mutation delete", "/profile/", "$(", "`", "'", '"', "<<A\n", "1>", "\\", "(", "/*", "$a$",
     "-- ", "a' ", "system ", ". ", "../", "@", "a.", "0.", "[", "python -c 'x' ", "| sh ", "http://", "registry "],
)  # fmt: skip
def test_however_long(piece: str) -> None:
    text = piece * (SIZE // len(piece))
    for line in (text, f"python3 -c '{text}'", f"curl -d '{text}' x", f"cat {text}"):
        shell.danger(line)
    sql.danger(text)
    urls.inside(f"http://{text}")
    paths.reading(text)
    paths.writing(text)
