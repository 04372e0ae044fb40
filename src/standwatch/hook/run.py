"""The program: `run.py FOLDER KIND` with the host's event on stdin. Says `standwatch: go`, or exits with 2.

Started by the path of this file, without `site` and without the environment's settings of Python, so that it starts in
the time of a bare interpreter and nobody's `PYTHONPATH` decides what it is.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path[:] = [one for one in sys.path if one != os.path.dirname(os.path.abspath(__file__))]

from standwatch.hook.cold import main  # noqa: E402 - only now is it to be found

main(sys.argv)
