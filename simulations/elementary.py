"""Logarithm, exponential and normal quantile of the draws, in plain IEEE arithmetic: add, multiply, divide, root.

The C library's ``log`` and ``exp`` differ by a last digit between systems, and a vectoriser may swap them for others.
These give the same bits everywhere, wherever they are inlined, and a loop over them becomes SIMD instructions, since
they have no branch and no call. The compiler must not contract ``a * b + c`` into one rounding; numba does not unless
fastmath asks for it, and tests/unit/simulations/test_sampling.py looks for such instructions.

The reductions are the classical ones (Muller 2016, "Elementary Functions", chapters 5 and 11). The coefficients are
minimax fits by Remez' exchange in extended precision, of absolute error below 4e-16 (log) and 2e-16 (exp) before the
powers they are multiplied by.
"""

from __future__ import annotations

import numpy as np

from simulations.jit import kernel

Word = np.uint64

_52 = np.uint64(52)
_MANTISSA = np.uint64((1 << 52) - 1)
_EXPONENT_OF_ONE = np.uint64(1023 << 52)
_ROOT_HALF = np.uint64(np.float64(0.5**0.5).view(np.uint64))
# OR-ed with a whole number n below 2^52, this is the float 2^52 + n: a conversion every vector unit can do.
_TO_FLOAT = np.uint64(1075 << 52)

# ln 2 in two parts; the first has 21 bits, so its product with any exponent is exact.
_LN2_HIGH = 0.6931467056274414
_LN2_LOW = 4.7493250390316726e-07

# (2 artanh(s) / s - 2) / s² as a polynomial in s², on |s| <= (sqrt(2) - 1) / (sqrt(2) + 1)
_L0, _L1, _L2, _L3, _L4, _L5, _L6 = (
    0.666666666666667, 0.3999999999989845, 0.28571428626397866, 0.2222221107300315, 0.1818289320947435,
    0.15331597211402617, 0.14617870081851994,
)  # fmt: skip
# (exp(r) - 1 - r) / r² as a polynomial in r, on |r| <= ln(2) / 2
_E0, _E1, _E2, _E3, _E4, _E5, _E6, _E7, _E8, _E9 = (
    0.5000000000000001, 0.16666666666666674, 0.04166666666662412, 0.00833333333332221, 0.0013888888917217479,
    0.00019841269886594246, 2.4801521290891897e-05, 2.7557242326506928e-06, 2.762009056452361e-07,
    2.511005521124656e-08,
)  # fmt: skip
_SMALLEST, _LARGEST = -708.0, 709.0


@kernel
def log(x: float) -> float:
    """The natural logarithm of a positive normal float, to less than 1 unit in the last place."""
    bits = np.uint64(np.float64(x).view(np.uint64))
    biased = (bits - _ROOT_HALF + _EXPONENT_OF_ONE) >> _52
    exponent = np.uint64(biased | _TO_FLOAT).view(np.float64) - (2.0**52 + 1023.0)
    f = np.uint64(bits - (biased << _52) + _EXPONENT_OF_ONE).view(np.float64) - 1.0  # from sqrt(1/2) - 1 to sqrt(2) - 1
    s = f / (2.0 + f)
    z = s * s
    w = z * z
    series = z * (((_L0 + z * _L1) + w * (_L2 + z * _L3)) + (w * w) * ((_L4 + z * _L5) + w * _L6))
    half_square = 0.5 * f * f
    return exponent * _LN2_HIGH - ((half_square - (s * (half_square + series) + exponent * _LN2_LOW)) - f)


@kernel
def exp(x: float) -> float:
    """The exponential, to less than 1 unit in the last place; 0 below -708 and infinite above 709."""
    inside = min(max(x, _SMALLEST), _LARGEST)
    shifted = inside * 1.4426950408889634 + 1.5 * 2.0**52  # the nearest whole number, in the low bits
    whole = shifted - 1.5 * 2.0**52
    exact, rest = inside - whole * _LN2_HIGH, whole * _LN2_LOW
    r = exact - rest
    z = r * r
    w = z * z
    low = (_E0 + r * _E1) + z * (_E2 + r * _E3)
    high = (_E4 + r * _E5) + z * (_E6 + r * _E7) + w * (_E8 + r * _E9)
    near_one = 1.0 + (exact - (rest - z * (low + w * high)))  # r's own rounding error cancels
    power = (np.uint64(np.float64(shifted).view(np.uint64)) << _52) + _EXPONENT_OF_ONE
    value = near_one * np.uint64(power).view(np.float64)
    if x < _SMALLEST:
        return 0.0
    return np.inf if x > _LARGEST else value


@kernel
def _ratio(x: float, above: tuple[float, ...], below: tuple[float, ...]) -> float:
    """A ratio of two polynomials in x of degree 7, coefficients from the highest power down."""
    return _degree_7(x, above) / _degree_7(x, below)


@kernel
def _degree_7(x: float, c: tuple[float, ...]) -> float:
    """By Estrin's scheme, a third of the depth of Horner's."""
    square = x * x
    high = (c[0] * x + c[1]) * square + (c[2] * x + c[3])
    low = (c[4] * x + c[5]) * square + (c[6] * x + c[7])
    return high * (square * square) + low


# Coefficients of PPND16, highest power first.
CENTRE = 0.425
_CENTRE_ABOVE = (
    2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4, 4.5921953931549871457e4,
    1.3731693765509461125e4, 1.9715909503065514427e3, 1.3314166789178437745e2, 3.3871328727963666080e0,
)  # fmt: skip
_CENTRE_BELOW = (
    5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4, 2.1213794301586595867e4,
    5.3941960214247511077e3, 6.8718700749205790830e2, 4.2313330701600911252e1, 1.0,
)  # fmt: skip
_MIDDLE_ABOVE = (
    7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1, 1.27045825245236838258e0,
    3.64784832476320460504e0, 5.76949722146069140550e0, 4.63033784615654529590e0, 1.42343711074968357734e0,
)  # fmt: skip
_MIDDLE_BELOW = (
    1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2, 1.48103976427480074590e-1,
    6.89767334985100004550e-1, 1.67638483018380384940e0, 2.05319162663775882187e0, 1.0,
)  # fmt: skip
_TAIL_ABOVE = (
    2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3, 2.65321895265761230930e-2,
    2.96560571828504891230e-1, 1.78482653991729133580e0, 5.46378491116411436990e0, 6.65790464350110377720e0,
)  # fmt: skip
_TAIL_BELOW = (
    2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5, 7.86869131145613259100e-4,
    1.48753612908506148525e-2, 1.36929880922735805310e-1, 5.99832206555887937690e-1, 1.0,
)  # fmt: skip


@kernel
def normal_quantile(probability: float) -> float:
    """The standard normal quantile, to about 1e-16 (Wichura 1988, algorithm AS 241, PPND16)."""
    offset = probability - 0.5
    if abs(offset) <= CENTRE:
        return normal_quantile_centre(offset)
    radius = np.sqrt(-log(min(probability, 1.0 - probability)))
    if radius <= 5.0:
        value = _ratio(radius - 1.6, _MIDDLE_ABOVE, _MIDDLE_BELOW)
    else:
        value = _ratio(radius - 5.0, _TAIL_ABOVE, _TAIL_BELOW)
    return -value if offset < 0.0 else value


@kernel
def normal_quantile_centre(offset: float) -> float:
    """The same for a probability of 0.5 + ``offset``, without a branch; only up to `CENTRE` to either side."""
    return offset * _ratio(0.180625 - offset * offset, _CENTRE_ABOVE, _CENTRE_BELOW)
