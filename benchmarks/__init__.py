"""Times fastinit side by side with other libraries and with the speed of memory.

`timing` takes samples alternately, `team` keeps threads waiting, `limits` measures the memory.
`rows` and `models` define the work; `peers` and `mkl` are the other libraries. `groups` runs the
races, `results` keeps them as JSON, `bars` compares them with thresholds; `console`, `plots` and
`report` show them. `machine` describes the machine, `options` parses the command lines. `compare`
times the rows of two commits, by `builds` (one per commit) and `workers` (processes that import
them). `test_kernels` is for pytest-benchmark.
"""

from pathlib import Path

ROOT = Path(__file__).parent.parent
