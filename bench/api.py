"""`python -m bench.api [SECONDS] [SEED]`: schemathesis before the operators' API, SECONDS (900) shared by its callers.

Ends with 1 where an answer was a fault of the server or is not in the document.
"""

import random
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from support.api_fuzzing import CALLERS, fuzz, organisation, populate

WHO = {"maria": "an administrator", "nora": "no role", "": "nobody"}


def main() -> int:
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 900
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(2**32)
    wrong = 0
    with tempfile.TemporaryDirectory(prefix="standwatch-api-") as folder:
        place = Path(folder)
        with organisation(place / "org") as (watch, tokens):
            world = populate(watch)
            print(f"{'as':<18}{'requests':>9}{'operations':>11}{'done':>7}  never done")
            for caller in CALLERS:
                report = place / f"{caller or 'nobody'}.ndjson"
                found = fuzz(watch, tokens[caller], max(seconds // len(CALLERS), 1), seed, world, report)
                done = sum(
                    sum(n for status, n in seen.items() if status < 300) for seen in found.seen.values()
                )
                operations = [name for name in found.seen if name != "Stateful tests"]
                idle = found.never(range(200, 300))
                print(f"{WHO[caller]:<18}{found.requests:>9}{len(operations):>11}{done:>7}  {len(idle)}")
                if found.problems:
                    wrong += 1
                    print(found.problems)
            faults = [line for line in watch.said if "Traceback" in line]
            print(f"seed {seed}; {len(faults)} faults told by the server")
    return 1 if wrong or faults else 0


if __name__ == "__main__":
    sys.exit(main())
