"""What no client is told: the details of a fault of ours, for whoever reads the log of the process."""

import sys
import traceback


def report(error: BaseException) -> None:
    """Write a fault to standard error, whole."""
    print("".join(traceback.format_exception(error)), file=sys.stderr, flush=True)
