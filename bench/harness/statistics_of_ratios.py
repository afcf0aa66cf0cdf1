"""Medians, spreads, and whether one series is slower than another.

Runs are paired: round i of one contender and round i of the other lie next to each other in time, so what the machine did
to one it did to the other. Everything here is about the ratios of such pairs.
"""
import random
import statistics

median = statistics.median


def quartiles(values):
    ordered = sorted(values)

    def at(q):
        position = q * (len(ordered) - 1)
        low = int(position)
        high = min(low + 1, len(ordered) - 1)
        return ordered[low] + (ordered[high] - ordered[low]) * (position - low)
    return at(0.25), at(0.75)


def spread(values):
    """The interquartile range as a part of the median."""
    low, high = quartiles(values)
    middle = median(values)
    return (high - low) / middle if middle else 0.0


def ratios(ours, theirs):
    return [a / b for a, b in zip(ours, theirs)]


# With fewer pairs the interval holds the true median too seldom. It can be no wider than from the least to the greatest, and all of
# n lie on one side of the median in 2 of 2^n series: with two pairs in half of them, with three in a quarter, with five in 6 %.
PAIRS_TO_TELL = 5


def confidence_of_median(values, level=0.95, draws=4000, seed=1):
    """Bootstrap: the interval that holds the median of `level` of the resampled series. Seeded, so that a run repeats."""
    generator = random.Random(seed)
    medians = sorted(median(generator.choices(values, k=len(values))) for _ in range(draws))
    cut = int((1 - level) / 2 * draws)
    return medians[cut], medians[draws - 1 - cut]


def verdict(values, tolerance=0.01):
    """Of ratios new / old, where less is better: a difference counts when the whole interval lies beyond the tolerance."""
    low, high = confidence_of_median(values)
    if low > 1 + tolerance:
        return "slower", low, high
    if high < 1 - tolerance:
        return "faster", low, high
    return "no difference", low, high
