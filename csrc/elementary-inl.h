/* Elementary functions for one type of computation. Callers reduce the arguments, in units that
   need no multiplication: the bits of a random word say the quadrant and the sign. Errors are the
   largest that tests/c/elementary.c finds, over every float32 of the domain and fifty million
   float64. */

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
   says how far u is from 1 to full precision. Domain: |twice| in [2^-32, 1], float64 [2^-64, 1];
   at -0.0 near one the result is 0. Error: XXLOG ulp. The two terms of the sum never have opposite
   signs, so nothing cancels. */
INLINE F(vector) F(minus_two_log)(F(vector) twice, F(mask) near_one)
{
    const F(vector) exponent = F(exponent_unless)(near_one, twice);
    const F(vector) z =
        F(select)(near_one, twice, F(sub)(F(mantissa)(twice), F(set)(2))); /* [-1, 0] */
    return F(fma)(exponent, F(set)((F(scalar)) - 1.3862943611198906188),
                  F(mul)(z, F(polynomial)(F(log_coefficients), LENGTH(F(log_coefficients)), z)));
}

/* cos(pi v / 4) and sin(pi v / 4) for v in [-1, 1]. */
INLINE void F(cosine_sine)(F(vector) v, F(vector) * cosine, F(vector) * sine)
{
    const F(vector) square = F(mul)(v, v);
    *cosine = F(polynomial)(F(cosine_coefficients), LENGTH(F(cosine_coefficients)), square);
    *sine = F(mul)(v, F(polynomial)(F(sine_coefficients), LENGTH(F(sine_coefficients)), square));
}
