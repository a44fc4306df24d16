"""A server to check against: the one that is named, or one that is started for the occasion."""

import contextlib
import os
import pathlib
import re
import subprocess
import time
import urllib.error
import urllib.request

TOP = pathlib.Path(__file__).resolve().parent.parent.parent


def program():
    """The release build where there is one, else the debug build."""
    for kind in ("release", "debug"):
        path = TOP / ".build" / kind / "frcnn"
        if path.exists():
            return path
    raise SystemExit("there is no .build/release/frcnn; run 'swift build -c release --product frcnn'")


@contextlib.contextmanager
def running(arguments, *options):
    """Gives the address of a ready server; ends the server afterwards if it was started here."""
    if arguments and arguments[0].startswith("http"):
        yield arguments[0].rstrip("/")
        return
    command = [str(program()), "serve", "--port", "0", "--log-level", "none", *options]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("FRCNN_")}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    try:
        base = None
        for line in process.stderr:
            found = re.search(r"listening on (http://\S+)", line)
            if found:
                base = found.group(1)
            if "ready with" in line:
                break
        if base is None or process.poll() is not None:
            raise SystemExit("the server did not start")
        wait_until_ready(base)
        yield base
    finally:
        process.terminate()
        process.wait(timeout=30)


def wait_until_ready(base):
    """Asks until /readyz answers 200, half a minute at most."""
    for _ in range(300):
        with contextlib.suppress(urllib.error.URLError):
            with urllib.request.urlopen(base + "/readyz", timeout=5) as answer:
                if answer.status == 200:
                    return
        time.sleep(0.1)
    raise SystemExit(f"{base}/readyz does not answer 200")
