"""`python -m bench.mutations [COUNT] [SEED]`: approvals with one byte changed, and how many are accepted (none)."""

import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from support.mutations import PLACES, tried


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(2**32)
    begin = time.process_time()
    done, wrong = tried(count, seed)
    seconds = time.process_time() - begin
    print(f"{'one byte changed in':<22}{'tried':>9}{'accepted':>10}")
    for place in PLACES:
        print(f"{place:<22}{done[place]:>9}{wrong[place]:>10}")
    print(f"{'all':<22}{done.total():>9}{wrong.total():>10}")
    print(f"seed {seed}; {seconds / count * 1e6:.0f} µs of CPU each")
    return 1 if wrong.total() else 0


if __name__ == "__main__":
    sys.exit(main())
