/* Words to truncated normals. kernels-inl.h includes this for float64, then for float32. */

#if BITS == 64
/* -ln u. Domain: u in [2^-1022, 1]. Error: that of minus_two_log; near 1 the rounding of u itself
   weighs more, an absolute error of 2^-54. Results: 0 at 1 to 708.4 at 2^-1022. */
INLINE f64_vector f64_minus_log(f64_vector u)
{
    const f64_mask near_one = f64_is_less(f64_set(0.5), u);
    const f64_vector twice = f64_mul(f64_select(near_one, f64_sub(u, f64_set(1)), u), f64_set(2));
    return f64_mul(f64_minus_two_log(twice, near_one), f64_set(0.5));
}

/* Mills' ratio Q(x) / phi(x). Domain: x in [0, 1e150]. Error: 4.01 ulp. Results decrease from
   0x1.40d931ff62706p+0 = sqrt(pi / 2) at 0 to 0x1.a3076255d324p-499 at 1e150. */
INLINE f64_vector f64_mills(f64_vector x)
{
    const f64_vector sum = f64_add(x, f64_set(MILLS_CENTRE));
    const f64_vector t = f64_div(f64_sub(x, f64_set(MILLS_CENTRE)), sum);
    return f64_div(f64_polynomial(f64_mills_coefficients, LENGTH(f64_mills_coefficients), t), sum);
}

/* METHOD_TRUNCATED. Inversion for any interval: the distance d >= 0 from the anchor that solves
   Q(alpha + d) / Q(alpha) = rho, that is
   alpha d + d^2 / 2 + ln(mills(alpha) / mills(alpha + d)) = -ln rho,
   by three steps of Halley's method, each of which cubes an error of at most 0.1. Of a share k of
   the interval's probability, twice_share is 2k below 1/2 and 2(k - 1) above.
   Domain: any interval, one-sided and far ones included; k from 2^-65 to 1 - 2^-65.
   Error: 6.78 ulp of the result, or of 1 below 1. Results: p->low to p->high. */
struct f64_truncation {
    f64_vector scale, minus_log, distance;
};

INLINE struct f64_truncation f64_start_truncation(f64_vector twice_share, f64_mask is_upper,
                                                  const struct parameters *p)
{
    const f64_vector one = f64_set(1);
    const f64_vector tail = f64_select(is_upper, f64_set(p->upper.tail), f64_set(p->lower.tail));
    const f64_vector slope = f64_select(is_upper, f64_set(p->upper.slope), f64_set(p->lower.slope));
    f64_vector rho = f64_fma(twice_share, slope, tail);
    f64_vector scale = f64_select(is_upper, f64_set(p->upper.scale), f64_set(p->lower.scale));
    const f64_mask past = f64_is_less(one, rho);
    rho = f64_select(past, f64_sub(f64_set(2), rho), rho);
    scale = f64_select(past, f64_sub(f64_set(0), scale), scale);
    const f64_vector s = f64_minus_log(rho), hazard = f64_div(one, f64_set(p->mills));
    const f64_vector root = f64_sqrt(f64_fma(hazard, hazard, f64_add(s, s)));
    return (struct f64_truncation){scale, s, f64_div(f64_add(s, s), f64_add(hazard, root))};
}

INLINE f64_vector f64_step_truncation(const struct f64_truncation *t, const struct parameters *p)
{
    const f64_vector one = f64_set(1), half = f64_set(0.5), alpha = f64_set(p->alpha);
    const f64_vector d = t->distance, x = f64_add(alpha, d);
    const f64_vector mills_x = f64_mills(x);
    const f64_vector log_ratio = f64_minus_log(f64_div(mills_x, f64_set(p->mills)));
    const f64_vector quadratic = f64_fma(f64_mul(d, half), d, f64_mul(alpha, d));
    const f64_vector excess = f64_sub(f64_add(quadratic, log_ratio), t->minus_log);
    const f64_vector newton = f64_mul(excess, mills_x);
    const f64_vector curvature = f64_sub(f64_div(one, mills_x), x);
    const f64_vector halley = f64_fma(f64_mul(newton, half), curvature, one);
    return f64_sub(d, f64_mul(newton, halley));
}

/* A tile at a time: the steps of one vector depend on each other, those of several do not. */
NOINLINE void f64_truncated_tile(const f64_vector *twice_shares, const struct parameters *p,
                                 f64_vector *values)
{
    struct f64_truncation t[F64_VECTORS];
    for (int v = 0; v < F64_VECTORS; v++)
        t[v] = f64_start_truncation(twice_shares[v], f64_is_less(twice_shares[v], f64_set(0)), p);
    for (int step = 0; step < 3; step++)
        for (int v = 0; v < F64_VECTORS; v++)
            t[v].distance = f64_step_truncation(&t[v], p);
    for (int v = 0; v < F64_VECTORS; v++)
        values[v] = f64_clamp(f64_fma(t[v].scale, t[v].distance, f64_set(p->anchor)), p);
}

/* A value grows with its word, read as signed, as a uniform does: with the top bit flipped, words
   near 0 and near -1 are those of the two bounds. */
INLINE void f64_truncated_words(const u32_vector *words, const struct parameters *p,
                                f64_vector *values)
{
    f64_vector twice_shares[F64_VECTORS];
    for (int v = 0; v < F64_VECTORS; v++)
        twice_shares[v] = f64_twice_probability(u64_flip_top_bit(u64_from_words(words[v])));
    f64_truncated_tile(twice_shares, p, values);
}

/* parameters.c never chooses METHOD_TRUNCATED_CENTRE for float64. */
INLINE void f64_centre_logarithms(u32_vector *words, const struct parameters *p,
                                  f64_vector *logarithms)
{
    (void)words, (void)p, (void)logarithms;
    __builtin_trap();
}

INLINE void f64_centre_values(const u32_vector *words, const f64_vector *logarithms,
                              const struct parameters *p, f64_vector *values)
{
    (void)words, (void)logarithms, (void)p, (void)values;
    __builtin_trap();
}
#else
/* METHOD_TRUNCATED_CENTRE. Inversion where both bounds are near the mean: y = 2 Phi(x) - 1 is
   uniform, and x / y a smooth function of -2 ln(1 - y^2) (after M. Giles, Approximating the erfinv
   function, 2011).
   Domain: |y| <= 0.997712 = 2 Phi(3.05) - 1.
   Error of x: 2.13 ulp; scaling rounds once more. |x| is at most 0x1.86684p+1 = 3.0501; results are
   from p->low to p->high. */
INLINE f32_vector f32_centre_probability(u32_vector word, const struct parameters *p)
{
    const f32_vector fraction = f32_mul(f32_from_signed(word), f32_set(LOWEST_BIT));
    return f32_fma(fraction, f32_set((float)p->half), f32_set((float)p->middle));
}

INLINE f32_vector f32_centre_logarithm(f32_vector y)
{
    return f32_minus_two_log(f32_fma(f32_mul(y, f32_set(-2)), y, f32_set(2)), f32_no_lane());
}

INLINE f32_vector f32_truncated_centre(f32_vector y, f32_vector logarithm,
                                       const struct parameters *p)
{
    const f32_vector x = f32_mul(
        y, f32_polynomial(f32_quantile_coefficients, LENGTH(f32_quantile_coefficients), logarithm));
    return f32_clamp(f32_fma(x, f32_set((float)p->std), f32_set((float)p->mean)), p);
}

/* A pair of vectors, v and v + F32_VECTORS / 2: the words become the probabilities y. */
INLINE void f32_centre_logarithms(u32_vector *words, const struct parameters *p,
                                  f32_vector *logarithms)
{
    UNROLL
    for (int v = 0; v < F32_VECTORS; v += F32_VECTORS / 2) {
        const f32_vector y = f32_centre_probability(words[v], p);
        logarithms[v] = f32_centre_logarithm(y);
        words[v] = u32_from_f32_bits(y);
    }
}

INLINE void f32_centre_values(const u32_vector *words, const f32_vector *logarithms,
                              const struct parameters *p, f32_vector *values)
{
    UNROLL
    for (int v = 0; v < F32_VECTORS; v += F32_VECTORS / 2)
        values[v] = f32_truncated_centre(f32_from_u32_bits(words[v]), logarithms[v], p);
}

/* METHOD_TRUNCATED for float32: computed in float64, rounded once. */
INLINE void f32_truncated_words(const u32_vector *words, const struct parameters *p,
                                f32_vector *values)
{
    const f64_vector unit = f64_set(0x1p-31), half_unit = f64_set(0x1p-32);
    f64_vector twice_shares[F64_VECTORS], wide[F64_VECTORS];
    for (int v = 0; v < F32_VECTORS; v++) {
        const u32_vector share = u32_flip_top_bit(words[v]);
        twice_shares[2 * v] = f64_fma(f64_from_signed_low_half(share), unit, half_unit);
        twice_shares[2 * v + 1] = f64_fma(f64_from_signed_high_half(share), unit, half_unit);
    }
    f64_truncated_tile(twice_shares, p, wide);
    for (int v = 0; v < F32_VECTORS; v++)
        values[v] = f32_from_f64(wide[2 * v], wide[2 * v + 1]);
}
#endif
