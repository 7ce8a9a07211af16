"""Medians, quartiles and ratios, and how they are written."""
import math
import statistics


def quartiles(values):
    """(lower quartile, median, upper quartile)"""
    if len(values) == 1:
        return (values[0],) * 3
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, median, high


def geomean(values):
    return math.exp(sum(math.log(value) for value in values) / len(values))


def short(value):
    """Three digits that count, without an exponent: 1234.5 as '1,230', 0.01234 as '0.0123'."""
    if value == 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{round(value, 2 - math.floor(math.log10(abs(value)))):,.{digits}f}"


def scaled(value):
    """1234567 as '1.23 M'."""
    for limit, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if abs(value) >= limit:
            return f"{value / limit:.3g}{unit}"
    return f"{value:.3g}"
