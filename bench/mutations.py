"""`python -m bench.mutations [COUNT] [SEED]`: approvals, and proofs of possession, with one byte changed, and how many
are accepted (none)."""

import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from support.mutations import KINDS, PLACES, tried
from support.proof_mutations import PARTS, tried_proofs


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(2**32)
    begin, fell = time.process_time(), 0
    for kind in KINDS:
        done, wrong = tried(count, seed, kind=kind)
        print(f"{f'{kind}: changed in':<32}{'tried':>9}{'accepted':>10}")
        for place in (*PLACES, "flag"):
            print(f"{place:<32}{done[place]:>9}{wrong[place]:>10}")
        print(f"{'all':<32}{done.total():>9}{wrong.total():>10}")
        fell += wrong.total()
    for algorithm in ("ES256", "EdDSA"):
        done, wrong = tried_proofs(count // 2, seed, algorithm)
        print(f"{f'proofs, {algorithm}: changed in':<32}{'tried':>9}{'accepted':>10}")
        for place in PARTS:
            print(f"{place:<32}{done[place]:>9}{wrong[place]:>10}")
        print(f"{'all':<32}{done.total():>9}{wrong.total():>10}")
        fell += wrong.total()
    seconds = time.process_time() - begin
    print(f"seed {seed}; {seconds / count / (len(KINDS) + 1) * 1e6:.0f} µs of CPU each")
    return 1 if fell else 0


if __name__ == "__main__":
    sys.exit(main())
