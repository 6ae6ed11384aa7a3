"""Write the tables of docs/evidence: ``python tests/statistics/measure.py [NAME ...]``.

The same measurements as the tests', with 1e8 draws and the counts of tails.py: a quarter of an
hour. Without names, all tables.
"""

import argparse
import json
from pathlib import Path

import cases
import cells
import frequencies
import goodness
import pairs
import pictures
import significance
import streams
import tails

FOLDER = Path(__file__).parents[2] / "docs" / "evidence"
DRAWS = 10**8
TABLES = {
    "cells": lambda: [cells.measure(*case, DRAWS) for case in cases.NARROW],
    "goodness": lambda: [goodness.measure(*case, DRAWS) for case in cases.WIDE],
    "truncated": lambda: [goodness.measure(*case, DRAWS) for case in cases.TRUNCATED],
    "pairs": lambda: [pairs.measure_pairs(dtype, DRAWS) for dtype in cases.WIDE_DTYPES],
    "lags": lambda: [pairs.measure_lags(dtype, DRAWS) for dtype in cases.WIDE_DTYPES],
    "uniform_frequencies": frequencies.measure_uniforms,
    "normal_frequencies": lambda: [frequencies.measure_normal(DRAWS)],
    "quantiles": pictures.measure_quantiles,
    "histogram": lambda: [pictures.measure_histogram(DRAWS)],
    "joint": lambda: [pictures.measure_joint(DRAWS)],
    "streams": lambda: [
        *map(streams.measure_family, streams.FAMILIES),
        *map(streams.measure_parts, streams.PARTS),
    ],
    "tails": lambda: [tails.measure(dtype, draws) for dtype, draws in tails.DRAWS.items()],
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(TABLES))
    names = parser.parse_args().names or list(TABLES)
    if unknown := set(names) - set(TABLES):
        parser.error(f"no table {', '.join(unknown)}")
    FOLDER.mkdir(exist_ok=True)
    for name in names:
        rows = TABLES[name]()
        lines = ",\n".join(f"  {json.dumps(row)}" for row in rows)
        text = f'{{"threshold": {significance.THRESHOLD}, "rows": [\n{lines}\n]}}\n'
        (FOLDER / f"{name}.json").write_text(text)
        print(name, *rows, sep="\n", flush=True)


if __name__ == "__main__":
    main()
