"""What is taken for chance: one threshold for all p-values of this folder.

Each test that asks the fixture `plausible` has one p-value; where it looks at several, they become
one by Bonferroni's inequality. If fastinit is right, any p-value of all of them, `--slow` included,
falls below THRESHOLD with a probability of at most LEVEL. They are two-sided where too good a fit
is as suspicious as too bad a one. Seeds are fixed, so a test that passes goes on passing until a
stream changes. NUMBER_OF_TESTS is compared with what pytest collects.
"""

LEVEL = 1e-4
NUMBER_OF_TESTS = 145
THRESHOLD = LEVEL / NUMBER_OF_TESTS


def two_sided(lower, upper):
    """Return the p-value of a statistic, of the probabilities of one as small and as large."""
    return min(1.0, 2 * float(min(lower, upper)))


def bonferroni(p_values):
    """Return one p-value for several, dependent or not."""
    p_values = list(p_values)
    return min(1.0, len(p_values) * float(min(p_values)))
