"""The functions of whole arrays and of std.stats and std.signal as their definitions have them: sums written out, in fractions
and, where a root, a sine or π comes in, to forty digits. Nothing is rounded on the way and nothing is saved: what the machine
does in one pass, in partial sums or in stages is done here term by term. Samples are lists of Fractions."""
import math
from fractions import Fraction

DIGITS = 40
ONE = 10 ** DIGITS


def exact(xs):
    """What floats or whole numbers stand for, exactly."""
    return [Fraction(x) for x in xs]


def root(x):
    return Fraction(math.isqrt(int(x * ONE * ONE)), ONE)


# ---- π by Machin's formula, sine and cosine by their series, as whole numbers of 10^-DIGITS ------------------------------

def _arctan_of_inverse(n):
    term, total, k = ONE * 10 ** 10 // n, 0, 1
    while term:
        total += term // k if k % 4 == 1 else -(term // k)
        term //= n * n
        k += 2
    return total


PI = Fraction(4 * (4 * _arctan_of_inverse(5) - _arctan_of_inverse(239)), ONE * 10 ** 10)


def _series(x, first):
    term, total, k = (ONE, ONE, 0) if first == 0 else (x, x, 1)
    while term:
        k += 2
        term = -term * x // ONE * x // ONE // ((k - 1) * k)
        total += term
        if abs(term) <= 1:
            break
    return total


def turn(part):
    """Cosine and sine of `part` of a full turn, each a whole number of 10^-DIGITS."""
    quarters, rest = divmod(Fraction(part) * 4, 1)
    x = int(rest * PI / 2 * ONE)
    c, s = _series(x, 0), _series(x, 1)
    for _ in range(int(quarters) % 4):
        c, s = -s, c
    return c, s


def cos(part):
    return Fraction(turn(part)[0], ONE)


def sin(part):
    return Fraction(turn(part)[1], ONE)


# ---- Figures -----------------------------------------------------------------------------------------------------------

def mean(xs):
    return sum(xs, Fraction(0)) / len(xs)


def moment(xs, power):
    return mean([(x - mean(xs)) ** power for x in xs])


def rms(xs):
    return root(mean([x * x for x in xs]))


def variance(xs):
    return moment(xs, 2)


def stddev(xs):
    return root(variance(xs))


def sample_stddev(xs):
    return root(variance(xs) * len(xs) / (len(xs) - 1))


def kurtosis(xs):
    return moment(xs, 4) / variance(xs) ** 2


def percentile(xs, p):
    """Number 7 of Hyndman and Fan, "Sample quantiles in statistical packages", The American Statistician 50, 1996."""
    place = (len(xs) - 1) * Fraction(p) / 100
    below = math.floor(place)
    above = min(below + 1, len(xs) - 1)
    ordered = sorted(xs)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def dot(xs, ys):
    return sum((x * y for x, y in zip(xs, ys)), Fraction(0))


def matmul(a, b, rows):
    inner = len(a) // rows
    columns = len(b) // inner
    return [dot(a[i * inner:(i + 1) * inner], b[j::columns]) for i in range(rows) for j in range(columns)]


def covariance(xs, ys):
    return mean([(x - mean(xs)) * (y - mean(ys)) for x, y in zip(xs, ys)])


def slope(xs, ys):
    """By the normal equations, which the machine does not use."""
    n = len(xs)
    return (n * dot(xs, ys) - sum(xs) * sum(ys)) / (n * dot(xs, xs) - sum(xs) ** 2)


def correlation(xs, ys):
    return covariance(xs, ys) / root(variance(xs) * variance(ys))


def interpolate(xs, ys, x):
    if x <= xs[0]:
        return ys[0]
    for k in range(1, len(xs)):
        if x <= xs[k]:
            return ys[k - 1] + (ys[k] - ys[k - 1]) * (x - xs[k - 1]) / (xs[k] - xs[k - 1])
    return ys[-1]


def resample(xs, n):
    places = exact(range(len(xs)))
    return [interpolate(places, xs, Fraction(k * (len(xs) - 1), max(n - 1, 1))) for k in range(n)]


def fir(xs, taps):
    """Convolution, and of it what has all the taps on samples."""
    full = [sum((taps[j] * xs[i - j] for j in range(len(taps)) if 0 <= i - j < len(xs)), Fraction(0))
            for i in range(len(xs) + len(taps) - 1)]
    return full[len(taps) - 1:len(xs)]


# ---- Spectra -----------------------------------------------------------------------------------------------------------

def window(name, n):
    """Harris, "On the use of windows for harmonic analysis with the discrete Fourier transform", 1978."""
    weights = {"": (1,), "hann": (Fraction(1, 2), -Fraction(1, 2)), "hamming": (Fraction(54, 100), -Fraction(46, 100)),
               "blackman": (Fraction(42, 100), -Fraction(1, 2), Fraction(8, 100))}[name]
    return [sum((w * cos(Fraction(m * k, n)) for m, w in enumerate(weights)), Fraction(0)) for k in range(n)]


def fft(xs, by=""):
    """Pairs, real and imaginary, of bins 0 .. n/2: Σ w_j x_j e^(-2πi jk/n)."""
    n = len(xs)
    weighed = [w * x for w, x in zip(window(by, n), xs)] if by else xs
    scale = 1 if all(x.denominator == 1 for x in weighed) else 10 ** 20
    whole = [int(x * scale) for x in weighed]     # cut to 10^-20 where samples are no whole numbers
    roots = [turn(Fraction(-k, n)) for k in range(n)]
    pairs = []
    for k in range(n // 2 + 1):
        for part in (0, 1):
            pairs.append(Fraction(sum(x * roots[j * k % n][part] for j, x in enumerate(whole)), ONE * scale))
    return pairs


def _sizes(xs, by):
    pairs = fft(xs, by)
    return [(re * re + im * im, 1 if k == 0 or 2 * k == len(xs) else 2)
            for k, (re, im) in enumerate(zip(pairs[::2], pairs[1::2]))]


def spectrum(xs, by=""):
    total = sum(window(by, len(xs)))
    return [times * root(square) / total for square, times in _sizes(xs, by)]


def psd(xs, rate, by=""):
    total = rate * sum(w * w for w in window(by, len(xs)))
    return [times * square / total for square, times in _sizes(xs, by)]


def band(densities, width, low, high):
    return sum((d * width for k, d in enumerate(densities) if low <= k * width < high), Fraction(0))


# ---- One value after the other: each result from all values so far --------------------------------------------------------

def ewma(xs, alpha):
    """Weights of each value, the first having what is left: mean, variance."""
    n = len(xs)
    weights = [(1 - alpha) ** (n - 1)] + [alpha * (1 - alpha) ** (n - 1 - i) for i in range(1, n)]
    middle = dot(weights, xs)
    return middle, dot(weights, [(x - middle) ** 2 for x in xs])


def cusum(xs, target, slack):
    """The highest of all sums that end here, of none too: what max(0, …) comes to, for changes up and down."""
    def highest(steps):
        return max(sum(steps[k:], Fraction(0)) for k in range(len(steps) + 1))
    return highest([x - target - slack for x in xs]), highest([target - slack - x for x in xs])


def kalman(xs, drift, noise, variance):
    """By weights: each reading and the value before count by their precisions. Value, variance."""
    value = Fraction(0)
    for x in xs:
        before, reading = 1 / (variance + drift), 1 / noise
        value = (before * value + reading * x) / (before + reading)
        variance = 1 / (before + reading)
    return value, variance


def biquad(xs, b, a):
    """Direct form I, straight from the difference equation."""
    ys = []
    for n in range(len(xs)):
        y = sum((b[k] * xs[n - k] for k in range(3) if n >= k), Fraction(0))
        y -= sum((a[k] * ys[n - k] for k in (1, 2) if n >= k), Fraction(0))
        ys.append(y / a[0])
    return ys


def cookbook(kind, part, q):
    """Bristow-Johnson, "Cookbook formulae for audio EQ biquad filter coefficients"; `part` is the frequency by the rate."""
    c, alpha = cos(part), sin(part) / (2 * q)
    return {"lowpass": [(1 - c) / 2, 1 - c, (1 - c) / 2], "highpass": [(1 + c) / 2, -(1 + c), (1 + c) / 2],
            "bandpass": [alpha, Fraction(0), -alpha], "notch": [Fraction(1), -2 * c, Fraction(1)]}[kind], \
        [1 + alpha, -2 * c, 1 - alpha]


def distance(learned, s, margin):
    """std.signal's running_spectrum, of all the spectra that it learned."""
    bins = [list(b) for b in zip(*learned)]
    floor = margin * mean([mean(b) for b in bins])
    return rms([(x - mean(b)) / max(sample_stddev(b), margin * mean(b) + floor) for b, x in zip(bins, s)])
