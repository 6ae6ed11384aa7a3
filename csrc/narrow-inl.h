/* Rounding float32 to the narrow formats: once, to nearest even, as a cast does. Magnitudes beyond
   the largest value's rounding interval become infinity, or NaN in formats without infinity.
   bfloat16 is rounded in integers unless no result is subnormal: vcvtne2ps2bf16 flushes those.

   Each store writes two vectors, one after the other; a non-temporal store's `out` is aligned to
   what it writes. */

#define FLOAT32_INFINITY 0x7f800000u

/* The encoding of x in a format of at most 16 bits. Domain: every float32. The result is the
   nearest value of the format; NaN keeps its sign, except in fnuz formats, where -0.0 and all that
   rounds to it become 0.0. */
INLINE u32_vector round_to_narrow(f32_vector x, enum format format)
{
    const struct format_limits *const to = &formats[format];
    const int shift = 23 - to->mantissa_bits, bias = to->bias;
    const float largest = (float)to->largest;
    uint32_t largest_bits;
    memcpy(&largest_bits, &largest, sizeof largest);
    /* A tie beyond the largest value rounds back to it if its last bit is even. */
    const uint32_t greatest = largest_bits + (1u << (shift - 1)) - (largest_bits >> shift & 1);

    const u32_vector bits = u32_from_f32_bits(x);
    const u32_vector sign = u32_and(bits, u32_set(0x80000000u));
    const u32_vector magnitude = u32_xor(bits, sign);
    const u32_vector odd = u32_and(u32_shift_right(magnitude, shift), u32_set(1));
    const u32_vector nudged = u32_add(u32_add(magnitude, odd), u32_set((1u << (shift - 1)) - 1));
    const u32_vector normal = u32_sub(u32_shift_right(nudged, shift),
                                      u32_set((uint32_t)(127 - bias) << to->mantissa_bits));
    /* Adding 2^23 times the smallest subnormal rounds to a multiple of it. */
    const u32_vector magic = u32_set((uint32_t)(127 + 23 + 1 - bias - to->mantissa_bits) << 23);
    const u32_vector subnormal = u32_sub(
        u32_from_f32_bits(f32_add(f32_from_u32_bits(magnitude), f32_from_u32_bits(magic))), magic);
    const u32_vector smallest_normal = u32_set((uint32_t)(127 + 1 - bias) << 23);
    u32_vector result = u32_select(u32_is_greater(smallest_normal, magnitude), subnormal, normal);
    result = u32_select(u32_is_greater(magnitude, u32_set(greatest)),
                        u32_set((uint32_t)to->overflow), result);
    result = u32_select(u32_is_greater(magnitude, u32_set(FLOAT32_INFINITY)),
                        u32_set((uint32_t)to->nan), result);
    u32_vector sign_bit = u32_shift_right(sign, 32 - 8 * (int)to->bytes);
    if (!to->has_minus_zero)
        sign_bit = u32_select(u32_is_greater(result, u32_set(0)), sign_bit, u32_set(0));
    return u32_or(result, sign_bit);
}

INLINE void f64_write(void *out, f64_vector a, int nontemporal)
{
    if (nontemporal)
        f64_store_nontemporal(out, a);
    else
        f64_store(out, a);
}

INLINE void u32_write(void *out, u32_vector a, int nontemporal)
{
    if (nontemporal)
        u32_store_nontemporal(out, a);
    else
        u32_store(out, a);
}

INLINE void store_float32(void *out, f32_vector a, f32_vector b, int nontemporal)
{
    u32_write(out, u32_from_f32_bits(a), nontemporal);
    u32_write((float *)out + U32_LANES, u32_from_f32_bits(b), nontemporal);
}

INLINE void store_float16(void *out, f32_vector a, f32_vector b, int nontemporal)
{
#ifdef HAVE_FLOAT16
    f32_write_float16(out, a, nontemporal);
    f32_write_float16((uint16_t *)out + U32_LANES, b, nontemporal);
#else
    (void)nontemporal;
    u32_store_low_16(out, round_to_narrow(a, FORMAT_FLOAT16));
    u32_store_low_16((uint16_t *)out + U32_LANES, round_to_narrow(b, FORMAT_FLOAT16));
#endif
}

/* The high half of the result is the bfloat16. Domain: every float32, except NaN whose low half is
   not 0. */
INLINE u32_vector round_to_bfloat16(f32_vector x)
{
    const u32_vector bits = u32_from_f32_bits(x);
    const u32_vector odd = u32_and(u32_shift_right(bits, 16), u32_set(1));
    return u32_add(u32_add(bits, odd), u32_set(0x7fff));
}

INLINE void store_bfloat16(void *out, f32_vector a, f32_vector b, int nontemporal)
{
    u32_write(out, u32_pack_high_16(round_to_bfloat16(a), round_to_bfloat16(b)), nontemporal);
}

/* Domain: zeros and normal float32. */
INLINE void store_bfloat16_no_subnormal(void *out, f32_vector a, f32_vector b, int nontemporal)
{
#ifdef HAVE_BFLOAT16
    u32_write(out, f32_pack_bfloat16(a, b), nontemporal);
#else
    store_bfloat16(out, a, b, nontemporal);
#endif
}

INLINE void store_float8(enum format format, void *out, f32_vector a, f32_vector b)
{
    u32_store_low_8(out, round_to_narrow(a, format));
    u32_store_low_8((uint8_t *)out + U32_LANES, round_to_narrow(b, format));
}

INLINE void f32_store_pair(enum format format, void *out, f32_vector a, f32_vector b,
                           int nontemporal)
{
    switch (format) {
    case FORMAT_FLOAT32:
        store_float32(out, a, b, nontemporal);
        break;
    case FORMAT_FLOAT16:
        store_float16(out, a, b, nontemporal);
        break;
    case FORMAT_BFLOAT16:
        store_bfloat16(out, a, b, nontemporal);
        break;
    case FORMAT_BFLOAT16_NO_SUBNORMAL:
        store_bfloat16_no_subnormal(out, a, b, nontemporal);
        break;
    case FORMAT_FLOAT8_E4M3FN:
    case FORMAT_FLOAT8_E5M2:
    case FORMAT_FLOAT8_E4M3FNUZ:
    case FORMAT_FLOAT8_E5M2FNUZ:
        store_float8(format, out, a, b);
        break;
    case FORMAT_FLOAT64: /* f64_store_pair */
    case FORMAT_UINT8:   /* bits_tiles */
        break;
    }
}

INLINE void f64_store_pair(enum format format, void *out, f64_vector a, f64_vector b,
                           int nontemporal)
{
    (void)format; /* float64 is the only one */
    f64_write(out, a, nontemporal);
    f64_write((unsigned char *)out + sizeof a, b, nontemporal);
}
