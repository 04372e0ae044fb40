"""Letters beyond ASCII: for them the grammar's scanner reads outside a table of the C library, so it never sees one."""

import subprocess
import sys

PROGRAM = r"""
from standwatch.enforce.idioms.parsing import parse
for number in (*range(128, 0x300), *range(0x300, 0xD800, 37), *range(0xE000, 0x110000, 251)):
    letter = chr(number)
    texts = f"a {{{letter}..3}}", f"{letter}{{ a", f"a {{{letter}", f"<<{letter}\nx\n{letter}\n", f"${{{letter}}}"
    for text in texts:
        parse(text)
line = parse("rm -f 'Größe' naïve; cp ñ {é,è}")
assert [word.text for word in line.commands[0].words] == ["rm", "-f", "Größe", "naïve"]
assert [word.text for word in line.commands[1].words] == ["cp", "ñ", "é", "è"]
"""


def test_no_letter_ends_the_process() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
