"""How fast fastinit fills, side by side with its peers and with what the memory can take.

The map: `timing` (alternating samples), `limits` (the memory's own speed), `peers` and `mkl` (who
else fills), `groups` (what is raced), `results` (races, kept as JSON), `bars` (what must be reached),
`plots` and `report` (pictures and tables), `machine` (what it all ran on).
"""
