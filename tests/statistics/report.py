"""Write the tables and pictures of docs/evidence.md from the measurements in docs/evidence/.

``python tests/statistics/report.py`` needs matplotlib."""

import json
from pathlib import Path

import battery
import matplotlib
import numpy as np
import pictures
import significance
from scipy import special, stats

matplotlib.use("svg")

from matplotlib import pyplot as plt

DOCS = Path(__file__).parents[2] / "docs"
# Okabe and Ito's colours, which the colour-blind tell apart.
BLUE, GREEN, ORANGE, GREY = "#0072B2", "#009E73", "#E69F00", "#6b6b6b"
STYLE = {
    "svg.hashsalt": "fastinit",
    "svg.fonttype": "none",
    "font.sans-serif": ["DejaVu Sans", "Verdana", "Arial", "Helvetica", "sans-serif"],
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "figure.constrained_layout.use": True,
}


def load(name):
    """Return the rows of a measured table."""
    content = json.loads((DOCS / "evidence" / f"{name}.json").read_text())
    return content["rows"] if isinstance(content, dict) else content


def markdown(columns, rows):
    """Return a table whose columns but the first are numbers."""
    lines = [columns, ["---", *["--:"] * (len(columns) - 1)], *rows]
    return "\n".join(f"| {' | '.join(map(str, cells))} |" for cells in lines)


def of_law(row):
    """Return the name of a law with the sign of infinity."""
    return row["law"].replace("inf", "∞")


def cells_table():
    """Narrow dtypes: one row per law, with chi-square / degrees of freedom of each dtype."""
    dtypes = list(dict.fromkeys(row["dtype"] for row in load("cells")))
    found = {}
    for row in load("cells"):
        text = f"{row['chi_square']:.0f} / {row['cells'] - 1} ({row['p_value']:.2g})"
        found.setdefault(of_law(row), {})[row["dtype"]] = text
    return markdown(
        ["chi-square / degrees (p)", *dtypes],
        [[law, *(texts.get(dtype, "") for dtype in dtypes)] for law, texts in found.items()],
    )


def goodness_table(name):
    """Wide types: p-values of Kolmogorov and Smirnov, of Anderson and Darling, of moments."""
    rows = []
    for row in load(name):
        p_values = (
            row[f"{test}_p"] for test in ("kolmogorov_smirnov", "anderson_darling", "moments")
        )
        cells = [f"{p:.3f}" for p in p_values]
        rows.append([of_law(row), row["dtype"], *cells, row["out_of_bounds"]])
    columns = [
        "p of",
        "dtype",
        "Kolmogorov-Smirnov",
        "Anderson-Darling",
        "6 moments",
        "out of bounds",
    ]
    return markdown(columns, rows)


def tails_table():
    """Counts in the tails, and near 0."""
    by_dtype = load("tails")
    columns = ["where"]
    for row in by_dtype:
        draws = f"2^{np.log2(row['draws']):.0f}"
        columns += [f"{row['dtype']}, {draws} draws", "expected", "p"]
    rows = []
    for counts in zip(*(row["counts"] for row in by_dtype), strict=True):
        cells = [counts[0]["where"]]
        for count in counts:
            cells += [count["observed"], f"{count['expected']:.1f}", f"{count['p_value']:.2f}"]
        rows.append(cells)
    return markdown(columns, rows)


def pairs_table():
    """Independence within a stream."""
    kinds = {
        "the pair: 16 correlations of Hermite polynomials 1 to 4": (0, "correlations_p"),
        "the pair: chi-square on 64 x 64 quantiles": (0, "grid_p"),
        "lags 1 to 64, x": (1, "lags_p"),
        "lags 1 to 64, x^2": (1, "lags_of_squares_p"),
        "places within two tiles, x": (1, "places_p"),
        "places within two tiles, x^2": (1, "places_of_squares_p"),
    }
    tables = load("pairs"), load("lags")
    dtypes = [row["dtype"] for row in tables[0]]
    rows = [
        [kind, *(f"{row[key]:.2f}" for row in tables[which])]
        for kind, (which, key) in kinds.items()
    ]
    return markdown(["p, 1e8 normals", *dtypes], rows)


def frequencies_table():
    """The extreme ratios of single values' frequencies to their exact probabilities, by range."""
    found = {}
    for row in load("uniform_frequencies"):
        least, greatest = found.get(of_law(row), (1, 1))
        found[of_law(row)] = min(least, row["least_ratio"]), max(greatest, row["greatest_ratio"])
    rows = [[law, *(f"{ratio:.2f}" for ratio in ratios)] for law, ratios in found.items()]
    return markdown(["float32", "least", "greatest"], rows)


def streams_table():
    """Correlations of all pairs of 256 streams."""
    rows = [
        [
            row["family"],
            row["streams"] * (row["streams"] - 1) // 2,
            *(f"{row['largest'][kind]:.2f}" for kind in ("values", "squares", "bits")),
            f"{row['p_value']:.2f}",
        ]
        for row in load("streams")
    ]
    columns = ["family", "pairs", "largest of values", "of squares", "of bits", "p"]
    return markdown(columns, rows)


def battery_table():
    """What dieharder found."""
    given = json.loads((DOCS / "evidence" / "dieharder.json").read_text())
    tests = {}
    for row in given["rows"]:
        tests.setdefault(row["test"], []).append(row)
    rows = [
        [
            name,
            len(found),
            sum(row["assessment"] == "PASSED" for row in found),
            f"{min(row['p_value'] for row in found):.2g}",
            f"{max(row['p_value'] for row in found):.5g}",
        ]
        for name, found in tests.items()
    ]
    failed = len(battery.failures(given["rows"]))
    summary = (
        f"{given['bytes'] / 1e9:.0f} GB of the keystream, {len(given['rows'])} p-values; "
        f"{failed} failures that count."
    )
    table = markdown(["test", "p-values", "passed", "least p", "greatest p"], rows)
    return f"{summary}\n\n{table}"


def elementary_table():
    """The largest errors of the elementary functions."""
    rows = [
        [
            f"{row['name']}, {row['format']}",
            f"{row['count']:,}",
            f"{row['worst']:.3f}",
            f"{row['axis']} = {row['at']:.6g}",
            f"{row['bound']:g}",
        ]
        for row in load("elementary")
    ]
    return markdown(["function", "arguments", "largest error, ulp", "at", "bound stated"], rows)


def threshold_text():
    """The threshold of all p-values."""
    return (
        f"By chance alone these tests fail with a probability of at most {significance.LEVEL:g}: "
        f"none of their {significance.NUMBER_OF_TESTS} p-values may be below "
        f"{significance.THRESHOLD:.2g} (Bonferroni). Seeds are fixed."
    )


TABLES = {
    "threshold": threshold_text,
    "cells": cells_table,
    "goodness": lambda: goodness_table("goodness"),
    "truncated": lambda: goodness_table("truncated"),
    "tails": tails_table,
    "frequencies": frequencies_table,
    "pairs": pairs_table,
    "streams": streams_table,
    "battery": battery_table,
    "elementary": elementary_table,
}


def draw_quantiles():
    """Quantiles of the far tails against the exact ones."""
    figure, axes = plt.subplots(figsize=(6.4, 4.6))
    exact = pictures.QUANTILES
    expected = pictures.TAIL_DRAWS * 2 * special.ndtr(-exact)
    # The order statistic of rank k is beyond a quantile where more than k values are.
    ranks = [stats.gamma(expected).ppf(q) for q in (0.0005, 0.9995)]
    band = [-special.ndtri(rank / pictures.TAIL_DRAWS / 2) for rank in ranks]
    axes.fill_between(exact, *band, color="#dddddd", lw=0, label="99.9 % of samples")
    axes.plot(exact, exact, color=GREY, lw=1)
    colours = {"fastinit": BLUE, "NumPy": GREEN, "torch": ORANGE}
    for row in load("quantiles"):
        axes.plot(row["exact"], row["observed"], ".", color=colours[row["source"]],
                  label=f"{row['source']}: largest {row['largest']:.2f}")  # fmt: skip
    axes.set(xlabel="quantile of |x|, exact (sigma)", ylabel="observed",
             title="Far tails of 2^32 float32 normals")  # fmt: skip
    axes.set_ylim(exact[0], 7)
    axes.legend(frameon=False)
    return figure


def draw_histogram():
    """Counts against the density, and their deviations."""
    (row,) = load("histogram")
    counts, expected = np.array(row["counts"]), np.array(row["expected"])
    edges = np.linspace(-pictures.REACH, pictures.REACH, len(counts) + 1)
    middle, width = (edges[1:] + edges[:-1]) / 2, edges[1] - edges[0]
    scale = row["draws"] * width
    figure, (above, below) = plt.subplots(2, sharex=True, figsize=(6.4, 5), height_ratios=(2, 1))
    above.stairs(np.maximum(counts, 0.3) / scale, edges, color=BLUE, label="float32 normals")
    above.plot(middle, expected / scale, color=ORANGE, lw=1, label="density")
    above.set(yscale="log", ylabel="density", title=f"{row['draws']:.0e} normals".replace("+0", ""))
    above.legend(frameon=False)
    below.plot(middle, (counts - expected) / np.sqrt(expected), ".", ms=3, color=BLUE)
    below.set(xlabel="x (sigma)", ylabel="deviation, std. errors", ylim=(-5, 5))
    return figure


def draw_joint():
    """The two values of Box and Muller's pairs."""
    (row,) = load("joint")
    counts = np.array(row["counts"])
    edges = np.linspace(-pictures.GRID_REACH, pictures.GRID_REACH, pictures.GRID + 1)
    share = np.diff(special.ndtr(edges))
    expected = row["pairs"] * np.outer(share, share)
    figure, axes = plt.subplots(1, 2, figsize=(8, 3.8), sharey=True)
    extent = (edges[0], edges[-1]) * 2
    options = {"origin": "lower", "extent": extent, "interpolation": "nearest"}
    shown = axes[0].imshow(np.log10(np.maximum(counts, 1)), cmap="viridis", **options)
    figure.colorbar(shown, ax=axes[0], label="log10 of the count")
    deviation = (counts - expected) / np.sqrt(expected)
    shown = axes[1].imshow(deviation, cmap="RdBu", vmin=-4, vmax=4, **options)
    figure.colorbar(shown, ax=axes[1], label="deviation, standard errors")
    axes[0].set(xlabel="value by the cosine", ylabel="value by the sine", title="pairs")
    axes[1].set(xlabel="value by the cosine", title=f"chi-square: p = {row['p_value']:.2f}")
    for each in axes:
        each.grid(visible=False)
    return figure


def draw_ulp():
    """The largest error of each function over its range."""
    rows = load("elementary")
    figure, axes = plt.subplots(4, 3, figsize=(9, 8.5))
    for row, each in zip(rows, axes.flat, strict=False):
        share = (np.arange(len(row["bins"])) + 0.5) / len(row["bins"])
        if row["logarithmic"]:
            x = row["from"] ** (1 - share)
            each.set_xscale("log", base=2)
        else:
            x = row["from"] + share * (row["to"] - row["from"])
        bins = np.array(row["bins"])
        each.plot(x[bins > 0], bins[bins > 0], color=BLUE, lw=1)
        each.axhline(row["bound"], color=ORANGE, lw=1)
        each.set_title(f"{row['name']}, {row['format']}", fontsize=9)
        each.set(xlabel=row["axis"], ylim=(0, 1.15 * row["bound"]))
    for each in axes.flat[len(rows) :]:
        each.set_visible(False)
    for each in axes[:, 0]:
        each.set_ylabel("ulp")
    return figure


PICTURES = {
    "quantiles": draw_quantiles,
    "histogram": draw_histogram,
    "joint": draw_joint,
    "ulp": draw_ulp,
}


def with_tables(page):
    """Return the page with each table between its comments."""
    for name, make in TABLES.items():
        begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
        head, _, rest = page.partition(begin)
        _, found, tail = rest.partition(end)
        assert found, f"no {begin} ... {end}"
        page = f"{head}{begin}\n{make()}\n{end}{tail}"
    return page


def write_pictures(folder):
    """Write every picture; return the paths."""
    paths = []
    with plt.rc_context(STYLE):
        for name, draw in PICTURES.items():
            figure = draw()
            paths.append(folder / f"{name}.svg")
            figure.savefig(paths[-1], metadata={"Date": None})
            plt.close(figure)
    return paths


def main():
    page = DOCS / "evidence.md"
    page.write_text(with_tables(page.read_text()))
    for path in [page, *write_pictures(DOCS / "evidence")]:
        print(path)


if __name__ == "__main__":
    main()
