/* The vocabulary for AVX2 with FMA, F16C and AES-NI: vectors of 8 lanes of 32 bits, 4 of 64, or two
   AES blocks. avx2_vaes.c compiles this file with VAES, which handles both blocks in one
   instruction. A mask is a vector of which only the sign bits count. */

#include <immintrin.h>
#include <math.h>
#include <stdint.h>

#include "../internal.h"

#define U32_LANES 8
/* Vectors that make a row of a matrix product's register tile, which has four rows. */
#define PRODUCT_VECTORS 2

typedef __m256i u32_vector, u64_vector;
typedef __m256 f32_vector, f32_mask;
typedef __m256d f64_vector, f64_mask;

/* clang-format off */
INLINE f32_vector f32_set(float x) { return _mm256_set1_ps(x); }
INLINE f32_vector f32_add(f32_vector a, f32_vector b) { return _mm256_add_ps(a, b); }
INLINE f32_vector f32_sub(f32_vector a, f32_vector b) { return _mm256_sub_ps(a, b); }
INLINE f32_vector f32_mul(f32_vector a, f32_vector b) { return _mm256_mul_ps(a, b); }
INLINE f32_vector f32_fma(f32_vector a, f32_vector b, f32_vector c) { return _mm256_fmadd_ps(a, b, c); }
INLINE f32_vector f32_sqrt(f32_vector a) { return _mm256_sqrt_ps(a); }
INLINE f32_vector f32_min(f32_vector a, f32_vector b) { return _mm256_min_ps(a, b); }
INLINE f32_vector f32_max(f32_vector a, f32_vector b) { return _mm256_max_ps(a, b); }
INLINE f32_mask f32_no_lane(void) { return _mm256_setzero_ps(); }
INLINE f32_vector f32_select(f32_mask m, f32_vector a, f32_vector b) { return _mm256_blendv_ps(b, a, m); }
INLINE f32_mask u32_is_negative(u32_vector a) { return _mm256_castsi256_ps(a); }
INLINE f32_mask u32_has_second_bit(u32_vector a) { return _mm256_castsi256_ps(_mm256_slli_epi32(a, 1)); }
INLINE u32_vector u32_shift_left_2(u32_vector a) { return _mm256_slli_epi32(a, 2); }
INLINE u32_vector u32_flip_top_bit(u32_vector a) { return _mm256_xor_si256(a, _mm256_set1_epi32(INT32_MIN)); }
INLINE f32_vector f32_flip_sign(f32_vector a, u32_vector sign)
{
    return _mm256_xor_ps(a, _mm256_and_ps(_mm256_castsi256_ps(sign), _mm256_set1_ps(-0.0f)));
}
INLINE f32_vector f32_mantissa(f32_vector a)
{
    const __m256i fraction = _mm256_and_si256(_mm256_castps_si256(a), _mm256_set1_epi32(0x7fffff));
    return _mm256_castsi256_ps(_mm256_or_si256(fraction, _mm256_set1_epi32(0x3f800000)));
}
INLINE f32_vector f32_exponent_unless(f32_mask m, f32_vector a)
{
    const __m256i biased = _mm256_srli_epi32(_mm256_castps_si256(a), 23);
    const __m256 exponent = _mm256_cvtepi32_ps(_mm256_sub_epi32(biased, _mm256_set1_epi32(127)));
    return _mm256_blendv_ps(exponent, _mm256_setzero_ps(), m);
}
INLINE f32_vector f32_from_signed(u32_vector a) { return _mm256_cvtepi32_ps(a); }
INLINE f32_vector f32_load(const float *p) { return _mm256_loadu_ps(p); }
INLINE void f32_store(void *out, f32_vector a) { _mm256_storeu_ps(out, a); }
#define HAVE_FLOAT16
INLINE void f32_write_float16(void *out, f32_vector a, int nontemporal)
{
    const __m128i narrow = _mm256_cvtps_ph(a, _MM_FROUND_TO_NEAREST_INT);
    if (nontemporal)
        _mm_stream_si128(out, narrow);
    else
        _mm_storeu_si128(out, narrow);
}

INLINE f64_vector f64_set(double x) { return _mm256_set1_pd(x); }
INLINE f64_vector f64_add(f64_vector a, f64_vector b) { return _mm256_add_pd(a, b); }
INLINE f64_vector f64_sub(f64_vector a, f64_vector b) { return _mm256_sub_pd(a, b); }
INLINE f64_vector f64_mul(f64_vector a, f64_vector b) { return _mm256_mul_pd(a, b); }
INLINE f64_vector f64_div(f64_vector a, f64_vector b) { return _mm256_div_pd(a, b); }
INLINE f64_vector f64_fma(f64_vector a, f64_vector b, f64_vector c) { return _mm256_fmadd_pd(a, b, c); }
INLINE f64_vector f64_sqrt(f64_vector a) { return _mm256_sqrt_pd(a); }
INLINE f64_vector f64_min(f64_vector a, f64_vector b) { return _mm256_min_pd(a, b); }
INLINE f64_vector f64_max(f64_vector a, f64_vector b) { return _mm256_max_pd(a, b); }
INLINE f64_mask f64_is_less(f64_vector a, f64_vector b) { return _mm256_cmp_pd(a, b, _CMP_LT_OQ); }
INLINE f64_vector f64_select(f64_mask m, f64_vector a, f64_vector b) { return _mm256_blendv_pd(b, a, m); }
INLINE f64_mask u64_is_negative(u64_vector a) { return _mm256_castsi256_pd(a); }
INLINE f64_mask u64_has_second_bit(u64_vector a) { return _mm256_castsi256_pd(_mm256_slli_epi64(a, 1)); }
INLINE u64_vector u64_shift_left_2(u64_vector a) { return _mm256_slli_epi64(a, 2); }
INLINE u64_vector u64_flip_top_bit(u64_vector a) { return _mm256_xor_si256(a, _mm256_set1_epi64x(INT64_MIN)); }
INLINE f64_vector f64_flip_sign(f64_vector a, u64_vector sign)
{
    return _mm256_xor_pd(a, _mm256_and_pd(_mm256_castsi256_pd(sign), _mm256_set1_pd(-0.0)));
}
INLINE f64_vector f64_mantissa(f64_vector a)
{
    const __m256d fraction = _mm256_andnot_pd(_mm256_set1_pd(-INFINITY), a);
    return _mm256_or_pd(fraction, _mm256_set1_pd(1));
}
INLINE f64_vector f64_exponent_unless(f64_mask m, f64_vector a)
{
    /* The biased exponent as the low bits of 2^52 + exponent. */
    const __m256i biased = _mm256_srli_epi64(_mm256_castpd_si256(a), 52);
    const __m256d shifted = _mm256_or_pd(_mm256_castsi256_pd(biased), _mm256_set1_pd(0x1p52));
    const __m256d exponent = _mm256_sub_pd(shifted, _mm256_set1_pd(0x1p52 + 1023));
    return _mm256_blendv_pd(exponent, _mm256_setzero_pd(), m);
}
INLINE f64_vector f64_from_signed(u64_vector a)
{
    /* The high half as the low bits of 3 * 2^83 in units of 2^32, the low half of 2^52: the last
       addition alone rounds. */
    const __m256i high = _mm256_xor_si256(_mm256_srli_epi64(a, 32), _mm256_set1_epi64x(0x4530000080000000));
    const __m256i low = _mm256_blend_epi32(a, _mm256_set1_epi64x(0x4330000000000000), 0xaa);
    const __m256d high_part = _mm256_sub_pd(_mm256_castsi256_pd(high), _mm256_set1_pd(0x1p84 + 0x1p63 + 0x1p52));
    return _mm256_add_pd(high_part, _mm256_castsi256_pd(low));
}
INLINE f64_vector f64_from_signed_low_half(u32_vector a) { return _mm256_cvtepi32_pd(_mm256_castsi256_si128(a)); }
INLINE f64_vector f64_from_signed_high_half(u32_vector a) { return _mm256_cvtepi32_pd(_mm256_extracti128_si256(a, 1)); }
INLINE f32_vector f32_from_f64(f64_vector low, f64_vector high)
{
    return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm256_cvtpd_ps(low)), _mm256_cvtpd_ps(high), 1);
}
INLINE f64_vector f64_load(const double *p) { return _mm256_loadu_pd(p); }
INLINE void f64_store(void *out, f64_vector a) { _mm256_storeu_pd(out, a); }
enum { HAS_NONTEMPORAL_VECTORS = 1 };
INLINE void f64_store_nontemporal(void *out, f64_vector a) { _mm256_stream_pd(out, a); }
INLINE void u32_store_nontemporal(void *out, u32_vector a) { _mm256_stream_si256(out, a); }

INLINE u32_vector u32_set(uint32_t x) { return _mm256_set1_epi32((int)x); }
INLINE u32_vector u32_load(const uint32_t *p) { return _mm256_loadu_si256((const __m256i *)p); }
INLINE u32_vector u32_repeat_block(const uint32_t *p) { return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)p)); }
INLINE u32_vector u32_repeat_high_half(uint64_t x) { return _mm256_set_epi64x((long long)x, 0, (long long)x, 0); }
INLINE u32_vector u32_xor(u32_vector a, u32_vector b) { return _mm256_xor_si256(a, b); }
INLINE u32_vector u32_and(u32_vector a, u32_vector b) { return _mm256_and_si256(a, b); }
INLINE u32_vector u32_or(u32_vector a, u32_vector b) { return _mm256_or_si256(a, b); }
INLINE u32_vector u32_add(u32_vector a, u32_vector b) { return _mm256_add_epi32(a, b); }
INLINE u32_vector u32_sub(u32_vector a, u32_vector b) { return _mm256_sub_epi32(a, b); }
INLINE u32_vector u32_shift_right(u32_vector a, int n) { return _mm256_srli_epi32(a, n); }
INLINE f32_mask u32_is_greater(u32_vector a, u32_vector b) { return _mm256_castsi256_ps(_mm256_cmpgt_epi32(a, b)); }
INLINE u32_vector u32_select(f32_mask m, u32_vector a, u32_vector b) { return _mm256_blendv_epi8(b, a, _mm256_castps_si256(m)); }
INLINE u32_vector u32_from_f32_bits(f32_vector a) { return _mm256_castps_si256(a); }
INLINE f32_vector f32_from_u32_bits(u32_vector a) { return _mm256_castsi256_ps(a); }
INLINE u64_vector u64_from_words(u32_vector a) { return a; }
INLINE u32_vector u32_little_endian(u32_vector a) { return a; }
INLINE void u32_store(void *out, u32_vector a) { _mm256_storeu_si256(out, a); }
INLINE __m128i u32_low_16(u32_vector a)
{
    const __m256i low = _mm256_and_si256(a, _mm256_set1_epi32(0xffff)); /* packus saturates */
    return _mm_packus_epi32(_mm256_castsi256_si128(low), _mm256_extracti128_si256(low, 1));
}
INLINE void u32_store_low_16(void *out, u32_vector a) { _mm_storeu_si128(out, u32_low_16(a)); }
INLINE u32_vector u32_pack_high_16(u32_vector a, u32_vector b)
{
    const __m256i packed = _mm256_packus_epi32(_mm256_srli_epi32(a, 16), _mm256_srli_epi32(b, 16));
    return _mm256_permute4x64_epi64(packed, 0xd8);
}
INLINE void u32_store_low_8(void *out, u32_vector a)
{
    const __m128i low = u32_low_16(_mm256_and_si256(a, _mm256_set1_epi32(0xff)));
    _mm_storel_epi64(out, _mm_packus_epi16(low, low));
}

#ifdef __VAES__
INLINE u32_vector aes_round(u32_vector state, u32_vector key) { return _mm256_aesenc_epi128(state, key); }
INLINE u32_vector aes_last_round(u32_vector state, u32_vector key) { return _mm256_aesenclast_epi128(state, key); }
#else
INLINE __m128i low_block(__m256i a) { return _mm256_castsi256_si128(a); }
INLINE __m128i high_block(__m256i a) { return _mm256_extracti128_si256(a, 1); }
INLINE u32_vector aes_round(u32_vector state, u32_vector key)
{
    return _mm256_set_m128i(_mm_aesenc_si128(high_block(state), high_block(key)), _mm_aesenc_si128(low_block(state), low_block(key)));
}
INLINE u32_vector aes_last_round(u32_vector state, u32_vector key)
{
    return _mm256_set_m128i(_mm_aesenclast_si128(high_block(state), high_block(key)), _mm_aesenclast_si128(low_block(state), low_block(key)));
}
#endif

INLINE void copy_line_nontemporal(void *out, const void *line)
{
    _mm256_stream_si256(out, _mm256_loadu_si256(line));
    _mm256_stream_si256((__m256i *)out + 1, _mm256_loadu_si256((const __m256i *)line + 1));
}
INLINE void nontemporal_fence(void) { _mm_sfence(); }
/* clang-format on */

#include "../kernels-inl.h"

#ifdef __VAES__
const struct kernels avx2_vaes_kernels = KERNELS("avx2_vaes");
#else
const struct kernels avx2_kernels = KERNELS("avx2");
#endif
