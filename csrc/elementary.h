/* Elementary functions for one type of computation; kernel.h includes this once for f32 and once
   for f64, as F(name). Arguments are reduced by the callers, in units that need no multiplication:
   the bits of a random word say the quadrant and the sign. */

/* The polynomial `name` of coefficients.h, by Horner's rule. */
#define DEFINE_POLYNOMIAL(name, degree)                                                            \
    INLINE F(vector) F(name##_polynomial)(F(vector) x)                                             \
    {                                                                                              \
        const F(scalar) *const coefficients = F(name##_coefficients);                              \
        F(vector) sum = F(set)(coefficients[0]);                                                   \
        REPEAT(degree, HORNER)                                                                     \
        return sum;                                                                                \
    }
#define HORNER(k) sum = F(fma)(sum, x, F(set)(coefficients[(k) + 1]));
DEFINE_POLYNOMIAL(log, LOG_DEGREE)
DEFINE_POLYNOMIAL(sine, SINE_DEGREE)
DEFINE_POLYNOMIAL(cosine, COSINE_DEGREE)

/* -2 ln u for u in (0, 1], given twice: 2u, or where `near_one` (u >= 1/2) 2(u - 1), which says how
   far u is from 1 to full precision. The sum never cancels but for a u near 1 that is not marked.
   Error: 2 ulp where marked and everywhere below 1/2. */
INLINE F(vector) F(minus_two_log)(F(vector) twice, F(mask) near_one)
{
    const F(vector) exponent = F(exponent_unless)(near_one, twice);
    const F(vector) z =
        F(select)(near_one, twice, F(sub)(F(mantissa)(twice), F(set)(2))); /* [-1, 0] */
    return F(fma)(exponent, F(set)((F(scalar)) - 1.3862943611198906188),
                  F(mul)(z, F(log_polynomial)(z)));
}

/* cos(pi v / 4) and sin(pi v / 4) for v in [-1, 1]. Error: 1.4 ulp and 1.7 ulp. */
INLINE void F(cosine_sine)(F(vector) v, F(vector) * cosine, F(vector) * sine)
{
    const F(vector) square = F(mul)(v, v);
    *cosine = F(cosine_polynomial)(square);
    *sine = F(mul)(v, F(sine_polynomial)(square));
}
