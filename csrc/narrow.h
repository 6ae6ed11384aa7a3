/* Rounding float32 to the narrow types, once, to nearest even, as a cast does: overflow becomes
   infinity, or NaN in float8_e4m3fn, which has no infinity. bfloat16 is rounded in integers unless
   no result is subnormal: vcvtne2ps2bf16 flushes those. */

#define FLOAT32_INFINITY 0x7f800000u

/* The encoding with `mantissa` bits of mantissa and `exponent` bits of exponent; magnitudes whose
   bits reach `overflow_from` become `overflow`. */
INLINE u32_vector round_to_narrow(f32_vector x, int exponent, int mantissa, uint32_t overflow_from,
                                  uint32_t overflow, uint32_t nan)
{
    const int shift = 23 - mantissa, bias = (1 << (exponent - 1)) - 1;
    const u32_vector bits = u32_from_f32_bits(x);
    const u32_vector sign = u32_and(bits, u32_set(0x80000000u));
    const u32_vector magnitude = u32_xor(bits, sign);
    const u32_vector odd = u32_and(u32_shift_right(magnitude, shift), u32_set(1));
    const u32_vector nudged = u32_add(u32_add(magnitude, odd), u32_set((1u << (shift - 1)) - 1));
    const u32_vector normal =
        u32_sub(u32_shift_right(nudged, shift), u32_set((127u - (uint32_t)bias) << mantissa));
    /* Adding 2^23 units of the smallest subnormal rounds to whole units of it. */
    const u32_vector magic = u32_set((uint32_t)(127 + 23 + 1 - bias - mantissa) << 23);
    const u32_vector subnormal = u32_sub(
        u32_from_f32_bits(f32_add(f32_from_u32_bits(magnitude), f32_from_u32_bits(magic))), magic);
    const u32_vector smallest_normal = u32_set((uint32_t)(127 + 1 - bias) << 23);
    u32_vector result = u32_select(u32_is_greater(smallest_normal, magnitude), subnormal, normal);
    result = u32_select(u32_is_greater(magnitude, u32_set(overflow_from - 1)), u32_set(overflow),
                        result);
    result = u32_select(u32_is_greater(magnitude, u32_set(FLOAT32_INFINITY)), u32_set(nan), result);
    return u32_or(result, u32_shift_right(sign, 31 - exponent - mantissa));
}

#ifndef HAVE_STREAM
#define f64_stream f64_store
#define u32_stream u32_store
#endif

INLINE void f64_write(void *out, f64_vector a, int streams)
{
    if (streams)
        f64_stream(out, a);
    else
        f64_store(out, a);
}

INLINE void u32_write(void *out, u32_vector a, int streams)
{
    if (streams)
        u32_stream(out, a);
    else
        u32_store(out, a);
}

/* Each store writes two vectors, one after the other; where it streams, past the caches, and then
   `out` is aligned to what it writes. */
INLINE void store_float32(void *out, f32_vector a, f32_vector b, int streams)
{
    u32_write(out, u32_from_f32_bits(a), streams);
    u32_write((float *)out + U32_LANES, u32_from_f32_bits(b), streams);
}

#ifdef HAVE_FLOAT16
INLINE void store_float16(void *out, f32_vector a, f32_vector b, int streams)
{
    f32_write_float16(out, a, streams);
    f32_write_float16((uint16_t *)out + U32_LANES, b, streams);
}
#else
INLINE u32_vector round_to_float16(f32_vector x)
{
    return round_to_narrow(x, 5, 10, 0x477ff000u, 0x7c00, 0x7e00); /* overflow from 65520 */
}

INLINE void store_float16(void *out, f32_vector a, f32_vector b, int streams)
{
    (void)streams;
    u32_store_low_16(out, round_to_float16(a));
    u32_store_low_16((uint16_t *)out + U32_LANES, round_to_float16(b));
}
#endif

/* The result is the high half. */
INLINE u32_vector round_to_bfloat16(f32_vector x)
{
    const u32_vector bits = u32_from_f32_bits(x);
    const u32_vector odd = u32_and(u32_shift_right(bits, 16), u32_set(1));
    return u32_add(u32_add(bits, odd), u32_set(0x7fff));
}

INLINE void store_bfloat16(void *out, f32_vector a, f32_vector b, int streams)
{
    u32_write(out, u32_pack_high_16(round_to_bfloat16(a), round_to_bfloat16(b)), streams);
}

#ifdef HAVE_BFLOAT16
INLINE void store_bfloat16_no_subnormal(void *out, f32_vector a, f32_vector b, int streams)
{
    u32_write(out, f32_pack_bfloat16(a, b), streams);
}
#endif

INLINE u32_vector round_to_float8_e4m3fn(f32_vector x)
{
    return round_to_narrow(x, 4, 3, 0x43e80001u, 0x7f, 0x7f); /* overflow past 464 */
}

INLINE void store_float8_e4m3fn(void *out, f32_vector a, f32_vector b)
{
    u32_store_low_8(out, round_to_float8_e4m3fn(a));
    u32_store_low_8((uint8_t *)out + U32_LANES, round_to_float8_e4m3fn(b));
}

INLINE u32_vector round_to_float8_e5m2(f32_vector x)
{
    return round_to_narrow(x, 5, 2, 0x47700000u, 0x7c, 0x7e); /* overflow from 61440 */
}

INLINE void store_float8_e5m2(void *out, f32_vector a, f32_vector b)
{
    u32_store_low_8(out, round_to_float8_e5m2(a));
    u32_store_low_8((uint8_t *)out + U32_LANES, round_to_float8_e5m2(b));
}
