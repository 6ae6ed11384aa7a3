"""How fast fastinit fills, side by side with its peers and with what the memory can take.

The map: `timing` (alternating samples) and `team` (threads that wait), `limits` (the memory's own
speed), `peers` and `mkl` (who else fills), `models` (a network's tensors), `groups` (what is
raced), `results` (races, kept as JSON), `bars` (what must be reached), `console`, `plots` and
`report` (what is shown), `machine` (what it all ran on). `test_kernels` is for pytest-benchmark.
"""
