/* Words to uniform values, for one type of computation. LOWEST_BIT is the value of the lowest bit
   of a word that is read as a signed fraction in [-1, 1). */

/* (word + 1/2) as a signed fraction: in (0, 1) it is twice a probability u < 1/2, in (-1, 0) it is
   2(u - 1). So u is resolved to the last bit of the word at both ends of (0, 1). The
   conversion rounds, then the sum. Results: magnitudes from LOWEST_BIT / 2 to exactly 1. */
INLINE F(vector) F(twice_probability)(U(vector) word)
{
    return F(fma)(F(from_signed)(word), F(set)(LOWEST_BIT), F(set)(LOWEST_BIT / 2));
}

/* Results: p->low to p->high. A bound that equals x replaces it, so no result that equals a zero
   bound is -0.0. */
INLINE F(vector) F(clamp)(F(vector) x, const struct parameters *p)
{
    return F(min)(F(max)(x, F(set)((F(scalar))p->low)), F(set)((F(scalar))p->high));
}

/* middle + half * fraction, rounded once, then clamped. Results: p->low to p->high, both included.
   The fraction is the word, rounded to 24 bits (float64: 53), from -1 to 1; it is scaled in two
   steps because half * LOWEST_BIT may be subnormal. */
INLINE F(vector) F(uniform)(U(vector) word, const struct parameters *p)
{
    const F(vector) fraction = F(mul)(F(from_signed)(word), F(set)(LOWEST_BIT));
    return F(clamp)(F(fma)(fraction, F(set)((F(scalar))p->half), F(set)((F(scalar))p->middle)), p);
}
