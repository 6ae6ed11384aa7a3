/* Elementary functions for one type of computation. Callers reduce the arguments, in units that
   need no multiplication: the bits of a random word say the quadrant and the sign.
   tests/c/elementary.c finds the errors and extremes stated here: over every float32 of the domain,
   and over fifty million float64. */

/* coefficients[0] x^(count - 1) + ... + coefficients[count - 1], by Horner's rule. */
INLINE F(vector) F(polynomial)(const F(scalar) * coefficients, size_t count, F(vector) x)
{
    F(vector) sum = F(set)(coefficients[0]);
    UNROLL
    for (size_t k = 1; k < count; k++)
        sum = F(fma)(sum, x, F(set)(coefficients[k]));
    return sum;
}

/* -2 ln u for u in (0, 1], given twice: as 2u, or where `near_one` (u >= 1/2) as 2(u - 1), which
   says how far u is from 1 to full precision.
   Domain: magnitudes of `twice` from 2^-32 (float64: 2^-64) to 1; near one also -0.0, with result
   0. Error: 1.22 ulp (float64: 1.24), near one 1.87 ulp (1.55). The terms of the sum have the same
   sign. Results: 0x1.62e43p+0 = 2 ln 2 to 0x1.6dfb52p+5 = 66 ln 2; near one, 2^-32 to 2 ln 2.
   (float64: 0x1.62e42fefa39efp+0 to 0x1.686fc0af622d7p+6 = 130 ln 2; 2^-64 to 2 ln 2.) */
INLINE F(vector) F(minus_two_log)(F(vector) twice, F(mask) near_one)
{
    const F(vector) exponent = F(exponent_unless)(near_one, twice);
    const F(vector) z =
        F(select)(near_one, twice, F(sub)(F(mantissa)(twice), F(set)(2))); /* [-1, 0] */
    return F(fma)(exponent, F(set)((F(scalar)) - 1.3862943611198906188),
                  F(mul)(z, F(polynomial)(F(log_coefficients), LENGTH(F(log_coefficients)), z)));
}

/* cos(pi v / 4) and sin(pi v / 4).
   Domain: v in [-1, 1].
   Error: cosine 1.36 ulp (float64: 1.00), sine 1.61 ulp (1.57).
   Results: cosine from 0x1.6a09e6p-1 (0x1.6a09e667f3bccp-1) at 1 to exactly 1; sine, an odd
   function, from 0 at 0 to 0x1.6a09e6p-1 (0x1.6a09e667f3bccp-1) at 1. */
INLINE void F(cosine_sine)(F(vector) v, F(vector) * cosine, F(vector) * sine)
{
    const F(vector) square = F(mul)(v, v);
    *cosine = F(polynomial)(F(cosine_coefficients), LENGTH(F(cosine_coefficients)), square);
    *sine = F(mul)(v, F(polynomial)(F(sine_coefficients), LENGTH(F(sine_coefficients)), square));
}
