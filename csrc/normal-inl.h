/* Words to normal values, for one type of computation: G. E. P. Box and M. E. Muller, A note on the
   generation of random normal deviates, 1958. A pair of words makes a pair of values: the radius
   from the first, the angle from the second. */

/* -2 ln u, the square of the radius in sigmas, with the errors of minus_two_log. Results: 2^-32 to
   66 ln 2 (float64: 2^-64 to 130 ln 2), so no value is further than 6.77 (9.50) sigma from the
   mean. */
INLINE F(vector) F(squared_radius)(U(vector) word)
{
    return F(minus_two_log)(F(twice_probability)(word), U(is_negative)(word));
}

/* std times the root, two roundings. */
INLINE F(vector) F(radius)(F(vector) square, const struct parameters *p)
{
    return F(mul)(F(sqrt)(square), F(set)((F(scalar))p->std));
}

/* Of the angle's word, bit 30 (62) says whether the point lies nearer to the second axis than to
   the first, the top bit on which side of the other, and the rest is the angle from that axis,
   pi v / 4. |v| is from 2^-30 (float64: 2^-62) to 1. The product and the sum round once. */
INLINE void F(box_muller)(F(vector) radius, U(vector) angle_word, const struct parameters *p,
                          F(vector) * first, F(vector) * second)
{
    const F(vector) v = F(fma)(F(from_signed)(U(shift_left_2)(angle_word)), F(set)(LOWEST_BIT),
                               F(set)(2 * LOWEST_BIT));
    F(vector) cosine, sine;
    F(cosine_sine)(v, &cosine, &sine);
    cosine = F(flip_sign)(cosine, angle_word);
    const F(mask) swap = U(has_second_bit)(angle_word);
    const F(vector) mean = F(set)((F(scalar))p->mean);
    *first = F(fma)(radius, F(select)(swap, sine, cosine), mean);
    *second = F(fma)(radius, F(select)(swap, cosine, sine), mean);
}
