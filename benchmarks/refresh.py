"""How long a whole refresh takes, step by step, and which share is start-up (imports, orchestration server).

python -m benchmarks.refresh DIR    # a folder of extracts; without it a demo is written first
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def run(*arguments: str) -> float:
    """Seconds of one `nianjian` command as a whole process."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-m", "flows.cli", *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def main() -> None:
    """Refresh twice into an empty home (build, then nothing to do) and print the steps."""
    with tempfile.TemporaryDirectory() as scratch:
        extracts = sys.argv[1] if len(sys.argv) > 1 else str(Path(scratch) / "demo")
        if len(sys.argv) == 1:
            print(f"{'write demo':<20}{run('demo', extracts):8.1f} s")
        home = str(Path(scratch) / "home")
        total = run("refresh", "--extracts", extracts, "--home", home)
        again = run("refresh", "--extracts", extracts, "--home", home)
        seconds = json.loads((Path(home) / "current" / "manifest.json").read_text())["seconds"]
    for step, value in seconds.items():
        print(f"{step:<20}{value:8.1f} s {100 * value / total:5.0f} %")
    print(f"{'whole process':<20}{total:8.1f} s   100 %")
    print(f"{'unchanged inputs':<20}{again:8.1f} s {100 * again / total:5.0f} %")


if __name__ == "__main__":
    main()
