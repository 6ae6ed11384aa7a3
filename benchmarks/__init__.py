"""How fast fastinit fills, side by side with its peers and with what the memory can take.

The map: `timing` (alternating samples) and `team` (threads that wait), `limits` (the memory's own
speed), `rows` and `models` (what fastinit is timed at), `peers` and `mkl` (who else fills),
`groups` (what is raced), `results` (races, kept as JSON), `bars` (what must be reached), `console`,
`plots` and `report` (what is shown), `machine` (what it all ran on), `options` (of the command
lines). `compare` times the rows of two commits by `builds` (of each) and `workers` (processes that
import them). `test_kernels` is for pytest-benchmark.
"""

from pathlib import Path

ROOT = Path(__file__).parent.parent
