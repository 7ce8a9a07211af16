"""IEEE 754 binary32 and binary64 arithmetic by exact fractions, rounded to nearest even at the end.

Values are Python floats (every binary32 is one exactly), but nothing here computes with them: `Format.round` decides
every bit from a fraction. Numbers are written as golden files show them.
"""
import math
from fractions import Fraction

NAN, INF = math.nan, math.inf


def is_negative(x):
    return math.copysign(1.0, x) < 0


def zero(negative):
    return -0.0 if negative else 0.0


class Format:
    def __init__(self, precision, max_exponent):
        self.precision = precision  # bits of the significand
        self.max_exponent = max_exponent
        self.min_exponent = 1 - max_exponent
        self.smallest = float(Fraction(2) ** (self.min_exponent - precision + 1))  # above zero
        self.largest = float((2 - Fraction(2) ** (1 - precision)) * Fraction(2) ** max_exponent)

    def round(self, exact, negative_zero=False):
        """The nearest number of this format; ties go to the even significand."""
        exact = Fraction(exact)
        if exact == 0:
            return zero(negative_zero)
        magnitude = abs(exact)
        exponent = magnitude.numerator.bit_length() - magnitude.denominator.bit_length()
        if Fraction(2) ** exponent > magnitude:
            exponent -= 1
        exponent = max(exponent, self.min_exponent)
        unit = Fraction(2) ** (exponent - self.precision + 1)
        quotient, rest = divmod(magnitude, unit)
        if rest * 2 > unit or (rest * 2 == unit and quotient % 2 == 1):
            quotient += 1
        result = quotient * unit
        if result >= Fraction(2) ** (self.max_exponent + 1):
            return -INF if exact < 0 else INF
        value = float(result)  # exact: it has at most 53 bits
        assert Fraction(value) == result
        return -value if exact < 0 else value

    def add(self, x, y):
        if math.isnan(x) or math.isnan(y):
            return NAN
        if math.isinf(x) or math.isinf(y):
            if math.isinf(x) and math.isinf(y):
                return x if x == y else NAN
            return x if math.isinf(x) else y
        total = Fraction(x) + Fraction(y)
        return self.round(total, negative_zero=is_negative(x) and is_negative(y))

    def negate(self, x):
        return NAN if math.isnan(x) else math.copysign(abs(x), 1.0 if is_negative(x) else -1.0)

    def subtract(self, x, y):
        return self.add(x, self.negate(y))

    def multiply(self, x, y):
        if math.isnan(x) or math.isnan(y):
            return NAN
        negative = is_negative(x) != is_negative(y)
        if math.isinf(x) or math.isinf(y):
            if x == 0 or y == 0:
                return NAN
            return -INF if negative else INF
        return self.round(Fraction(x) * Fraction(y), negative_zero=negative)

    def divide(self, x, y):
        if math.isnan(x) or math.isnan(y):
            return NAN
        negative = is_negative(x) != is_negative(y)
        if math.isinf(x):
            return NAN if math.isinf(y) else (-INF if negative else INF)
        if math.isinf(y):
            return zero(negative)
        if y == 0:
            return NAN if x == 0 else (-INF if negative else INF)
        return self.round(Fraction(x) / Fraction(y), negative_zero=negative)

    def square_root(self, x):
        if math.isnan(x) or x == 0:
            return x
        if x < 0:
            return NAN
        if math.isinf(x):
            return x
        # Enough bits behind the last one kept, and one more that says whether the root is longer than that.
        exact = Fraction(x)
        shift = 2 * (2 * self.precision + exact.denominator.bit_length())
        scaled = exact * Fraction(2) ** shift
        assert scaled.denominator == 1
        root = math.isqrt(scaled.numerator)
        sticky = Fraction(1, 4) if root * root != scaled.numerator else 0
        return self.round((root + sticky) / Fraction(2) ** (shift // 2))

    def shortest_digits(self, x):
        """The fewest decimal digits that read back as x, and the exponent of the first one."""
        for count in range(1, 18):
            text = f"{abs(x):.{count - 1}e}"
            if self.round(Fraction(text)) == abs(x):
                mantissa, exponent = text.split("e")
                return mantissa.replace(".", "").rstrip("0") or "0", int(exponent)
        raise AssertionError(x)

    def write(self, x):
        if math.isnan(x):
            return "nan"
        sign = "-" if is_negative(x) else ""
        if math.isinf(x):
            return sign + "inf"
        if x == 0:
            return sign + "0.0"
        digits, exponent = self.shortest_digits(x)
        scientific = digits[0] + ("." + digits[1:] if len(digits) > 1 else "")
        scientific += f"e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"
        if exponent < 0:
            fixed = "0." + "0" * (-exponent - 1) + digits
        elif len(digits) <= exponent + 1:
            fixed = str(int(abs(x)))
        else:
            fixed = digits[:exponent + 1] + "." + digits[exponent + 1:]
        text = fixed if len(fixed) <= len(scientific) else scientific
        return sign + (text if "." in text or "e" in text else text + ".0")


F32 = Format(24, 127)
F64 = Format(53, 1023)
