"""The keystream through dieharder (R. G. Brown): ``python tests/statistics/battery.py``.

Three quarters of an hour. Debian has the program. A p-value below 0.005 or above 0.995 makes it add
samples until the test has passed or failed for good (its option -Y 1), where failed is below 1e-6.
Of one test dieharder itself says "do not use" (``dieharder -l``): with samples enough it fails the
system's own generator, /dev/urandom, too. It is reported, and does not count.
"""

import json
import subprocess
import sys
from pathlib import Path

import fastinit

COMMAND = ["dieharder", "-a", "-g", "200", "-k", "2", "-Y", "1"]  # raw bits from standard input
CHUNK = 16 << 20
NOT_TO_USE = "diehard_sums"
FOLDER = Path(__file__).parents[2] / "docs" / "evidence"


def read(output):
    """Return the rows of the table that dieharder prints, of each test those of most samples."""
    rows = []
    for line in output.splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) == 6 and cells[1].isdecimal():
            name, number, _, samples, p_value, assessment = cells
            row = {"test": name, "number": int(number), "samples": int(samples)}
            rows.append(row | {"p_value": float(p_value), "assessment": assessment})
    most = {}
    for row in rows:
        key = row["test"], row["number"]
        most[key] = max(row["samples"], most.get(key, 0))
    return [row for row in rows if row["samples"] == most[row["test"], row["number"]]]


def failures(rows):
    """Return the rows that count against the keystream."""
    return [row for row in rows if row["assessment"] != "PASSED" and row["test"] != NOT_TO_USE]


def run(stream=0):
    """Return the rows, and how many bytes of the keystream were read."""
    given = 0
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "bufsize": 0}
    with subprocess.Popen(COMMAND, **pipes) as battery:
        try:
            while True:
                given += battery.stdin.write(fastinit.keystream(stream, CHUNK, given))
        except BrokenPipeError:
            pass
        return read(battery.stdout.read().decode()), given


def main():
    rows, given = run()
    (FOLDER / "dieharder.json").write_text(
        json.dumps({"bytes": given, "rows": rows}, indent=1) + "\n"
    )
    failed = failures(rows)
    print(f"{len(rows)} tests of {given / 1e9:.0f} GB, failed: {failed or 'none'}")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
