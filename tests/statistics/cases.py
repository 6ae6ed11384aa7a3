"""What is measured: pairs of a law and a dtype. Tests and tables take the same."""

from laws import INF, Normal, TruncatedNormal, Uniform

from fastinit.dtypes import DTYPES

NARROW_DTYPES = [name for name, dtype in DTYPES.items() if dtype.itemsize <= 2]
WIDE_DTYPES = ["float32", "float64"]

NARROW = [
    *(
        (law, dtype)
        for law in (
            Uniform(0, 1),
            Uniform(-1, 1),
            Uniform(-0.05, 0.05),
            Uniform(-0.3, 0),
            Normal(0, 1),
            Normal(0, 0.01),
            Normal(0.5, 0.02),
            TruncatedNormal(0, 1, -2, 2),
            TruncatedNormal(0, 1, 0, INF),
            TruncatedNormal(0, 1, -INF, -3),
            TruncatedNormal(0, 1, 5, 6),
            TruncatedNormal(0, 1, -1e-3, 1e-3),
            TruncatedNormal(0, 0.02, -2, 2),
        )
        for dtype in NARROW_DTYPES
    ),
    # Overflow. bfloat16 has float32's range, and there the radius overflows before the value.
    *(
        (Normal(0, DTYPES[dtype].largest / 2), dtype)
        for dtype in NARROW_DTYPES
        if dtype != "bfloat16"
    ),
]

WIDE = [
    (law, dtype)
    for law in (
        Uniform(0, 1),
        Uniform(-1, 1),
        Uniform(-0.05, 0.05),
        Uniform(-0.3, 0.7),
        Normal(0, 1),
        Normal(0.5, 0.02),
    )
    for dtype in WIDE_DTYPES
]

TRUNCATED = [
    *(
        (law, dtype)
        for law in (
            TruncatedNormal(0, 1, -2, 2),
            TruncatedNormal(0, 1, -3.05, 3.05),  # the fast path's limit
            TruncatedNormal(0.3, 0.02, 0.25, 0.31),
            TruncatedNormal(0, 1, -0.1, 0.2),
            TruncatedNormal(0, 1, -1e-3, 1e-3),
            TruncatedNormal(0, 1, -1e-5, 1e-5),  # as flat as a uniform
            TruncatedNormal(0, 1, 0, INF),
            TruncatedNormal(0, 1, -1, INF),
            TruncatedNormal(0, 1, -0.5, 8),  # most of it in the thinner tail's words
            TruncatedNormal(0, 1, -INF, -3),
            TruncatedNormal(0, 1, 5, 6),
            TruncatedNormal(-1000, 1, 0, 1),  # values near 0, a bound at 1000 sigma
            TruncatedNormal(0, 0.02, -2, 2),  # bounds at 100 sigma
            TruncatedNormal(0, 0.3, -2, 2),  # at 6.7: just within the reach of float32
        )
        for dtype in WIDE_DTYPES
    ),
    # Of these float32 has too few values.
    (TruncatedNormal(0, 1, 5, 5 + 1e-6), "float64"),
    (TruncatedNormal(0, 1, 20, INF), "float64"),
    (TruncatedNormal(0, 1, 1e4, INF), "float64"),
]
