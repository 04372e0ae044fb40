"""The bank's model server: MLServer with all three versions of `mortgage`, on loopback.

    .demo/models/bin/python serve.py [--port 9310]

It is `mlserver start models` as a laptop wants it: no metrics listener, gRPC on a free port of loopback, one process.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main(port: int) -> None:
    settings = {
        "HOST": "127.0.0.1",
        "HTTP_PORT": str(port),
        "GRPC_PORT": "0",
        "METRICS_ENDPOINT": "",
        "PARALLEL_WORKERS": "0",
        "DEBUG": "false",
        "SERVER_NAME": "bank-example-models",
    }
    os.environ |= {f"MLSERVER_{name}": value for name, value in settings.items()}
    os.environ["OMP_NUM_THREADS"] = "1"
    sys.path.insert(0, str(HERE))

    from mlserver.cli import main as mlserver

    sys.argv = ["mlserver", "start", str(HERE / "models")]
    mlserver()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=9310)
    main(parser.parse_args().port)
