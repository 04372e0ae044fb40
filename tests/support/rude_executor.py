"""An executor with bad manners, chosen by the version's file: for tests of whoever asks it."""

from __future__ import annotations

import json
import os
import sys
import time

notes, manners = sys.argv[1], sys.argv[2]
with open(notes, "a", encoding="utf-8") as file:
    file.write(json.dumps({"pid": os.getpid(), "environment": sorted(os.environ)}) + "\n")
if manners == "dies at once":
    sys.exit("no such library")
for line in sys.stdin:
    asked = json.loads(line)
    say = {"id": asked["id"]}
    if "load" in asked:
        say["loaded"] = {"kind": "rude"}
    elif manners == "hangs":
        time.sleep(60)
    elif manners == "dies":
        os._exit(3)
    elif manners == "junk":
        print("this is no JSON")
    elif manners == "another's":
        say["id"] += 1
    elif manners == "twice":
        print(json.dumps({**say, "outputs": {"p": [0.1]}}))
    elif manners == "endless":
        sys.stdout.write("x" * (33 << 20))
    elif manners == "nothing":
        pass
    elif manners == "error":
        say["error"] = {"code": "failed", "text": "it is broken"}
    say |= {} if "load" in asked or manners in ("nothing", "error") else {"outputs": {"p": [0.1]}}
    print(json.dumps(say), flush=True)
