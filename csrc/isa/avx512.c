/* The vocabulary for AVX-512 (F, DQ, BW, VL) with VAES: vectors of 16 lanes of 32 bits, 8 of 64, or
   four AES blocks. avx512_bf16.c compiles this file with the instruction that rounds to bfloat16.
 */

#include <immintrin.h>
#include <stdint.h>

#include "../internal.h"

#define U32_LANES 16
/* Vectors that make a row of a matrix product's register tile, which has four rows. */
#define PRODUCT_VECTORS 4

typedef __m512i u32_vector, u64_vector;
typedef __m512 f32_vector;
typedef __m512d f64_vector;
/* MASKS ARE INVERTED: a set bit means not selected. vptestnm makes such masks on the port that AES
   leaves free, and maskz_getexp takes them as they are. */
typedef __mmask16 f32_mask;
typedef __mmask8 f64_mask;

/* clang-format off */
INLINE f32_vector f32_set(float x) { return _mm512_set1_ps(x); }
INLINE f32_vector f32_add(f32_vector a, f32_vector b) { return _mm512_add_ps(a, b); }
INLINE f32_vector f32_sub(f32_vector a, f32_vector b) { return _mm512_sub_ps(a, b); }
INLINE f32_vector f32_mul(f32_vector a, f32_vector b) { return _mm512_mul_ps(a, b); }
INLINE f32_vector f32_fma(f32_vector a, f32_vector b, f32_vector c) { return _mm512_fmadd_ps(a, b, c); }
INLINE f32_vector f32_sqrt(f32_vector a) { return _mm512_sqrt_ps(a); }
INLINE f32_vector f32_min(f32_vector a, f32_vector b) { return _mm512_min_ps(a, b); }
INLINE f32_vector f32_max(f32_vector a, f32_vector b) { return _mm512_max_ps(a, b); }
INLINE f32_mask f32_no_lane(void) { return 0xffff; }
INLINE f32_vector f32_select(f32_mask m, f32_vector a, f32_vector b) { return _mm512_mask_blend_ps(m, a, b); }
INLINE f32_mask u32_is_negative(u32_vector a) { return _mm512_testn_epi32_mask(a, _mm512_set1_epi32(INT32_MIN)); }
INLINE f32_mask u32_has_second_bit(u32_vector a) { return _mm512_testn_epi32_mask(a, _mm512_set1_epi32(1 << 30)); }
INLINE u32_vector u32_shift_left_2(u32_vector a) { return _mm512_slli_epi32(a, 2); }
INLINE u32_vector u32_flip_top_bit(u32_vector a) { return _mm512_xor_si512(a, _mm512_set1_epi32(INT32_MIN)); }
INLINE f32_vector f32_flip_sign(f32_vector a, u32_vector sign)
{
    const __m512i bits = _mm512_castps_si512(a), top = _mm512_set1_epi32(INT32_MIN);
    return _mm512_castsi512_ps(_mm512_ternarylogic_epi32(bits, sign, top, 0x78)); /* a ^ (b & c) */
}
INLINE f32_vector f32_mantissa(f32_vector a) { return _mm512_getmant_ps(a, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_zero); }
INLINE f32_vector f32_exponent_unless(f32_mask m, f32_vector a) { return _mm512_maskz_getexp_ps(m, a); }
INLINE f32_vector f32_from_signed(u32_vector a) { return _mm512_cvtepi32_ps(a); }
INLINE f32_vector f32_load(const float *p) { return _mm512_loadu_ps(p); }
INLINE void f32_store(void *out, f32_vector a) { _mm512_storeu_ps(out, a); }
#define HAVE_FLOAT16
INLINE void f32_write_float16(void *out, f32_vector a, int nontemporal)
{
    const __m256i narrow = _mm512_cvtps_ph(a, _MM_FROUND_TO_NEAREST_INT);
    if (nontemporal)
        _mm256_stream_si256(out, narrow);
    else
        _mm256_storeu_si256(out, narrow);
}

INLINE f64_vector f64_set(double x) { return _mm512_set1_pd(x); }
INLINE f64_vector f64_add(f64_vector a, f64_vector b) { return _mm512_add_pd(a, b); }
INLINE f64_vector f64_sub(f64_vector a, f64_vector b) { return _mm512_sub_pd(a, b); }
INLINE f64_vector f64_mul(f64_vector a, f64_vector b) { return _mm512_mul_pd(a, b); }
INLINE f64_vector f64_div(f64_vector a, f64_vector b) { return _mm512_div_pd(a, b); }
INLINE f64_vector f64_fma(f64_vector a, f64_vector b, f64_vector c) { return _mm512_fmadd_pd(a, b, c); }
INLINE f64_vector f64_sqrt(f64_vector a) { return _mm512_sqrt_pd(a); }
INLINE f64_vector f64_min(f64_vector a, f64_vector b) { return _mm512_min_pd(a, b); }
INLINE f64_vector f64_max(f64_vector a, f64_vector b) { return _mm512_max_pd(a, b); }
INLINE f64_mask f64_is_less(f64_vector a, f64_vector b) { return _mm512_cmp_pd_mask(a, b, _CMP_NLT_UQ); }
INLINE f64_vector f64_select(f64_mask m, f64_vector a, f64_vector b) { return _mm512_mask_blend_pd(m, a, b); }
INLINE f64_mask u64_is_negative(u64_vector a) { return _mm512_testn_epi64_mask(a, _mm512_set1_epi64(INT64_MIN)); }
INLINE f64_mask u64_has_second_bit(u64_vector a) { return _mm512_testn_epi64_mask(a, _mm512_set1_epi64(1ll << 62)); }
INLINE u64_vector u64_shift_left_2(u64_vector a) { return _mm512_slli_epi64(a, 2); }
INLINE u64_vector u64_flip_top_bit(u64_vector a) { return _mm512_xor_si512(a, _mm512_set1_epi64(INT64_MIN)); }
INLINE f64_vector f64_flip_sign(f64_vector a, u64_vector sign)
{
    const __m512i bits = _mm512_castpd_si512(a), top = _mm512_set1_epi64(INT64_MIN);
    return _mm512_castsi512_pd(_mm512_ternarylogic_epi64(bits, sign, top, 0x78));
}
INLINE f64_vector f64_mantissa(f64_vector a) { return _mm512_getmant_pd(a, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_zero); }
INLINE f64_vector f64_exponent_unless(f64_mask m, f64_vector a) { return _mm512_maskz_getexp_pd(m, a); }
INLINE f64_vector f64_from_signed(u64_vector a) { return _mm512_cvtepi64_pd(a); }
INLINE f64_vector f64_from_signed_low_half(u32_vector a) { return _mm512_cvtepi32_pd(_mm512_castsi512_si256(a)); }
INLINE f64_vector f64_from_signed_high_half(u32_vector a) { return _mm512_cvtepi32_pd(_mm512_extracti64x4_epi64(a, 1)); }
INLINE f32_vector f32_from_f64(f64_vector low, f64_vector high)
{
    return _mm512_insertf32x8(_mm512_castps256_ps512(_mm512_cvtpd_ps(low)), _mm512_cvtpd_ps(high), 1);
}
INLINE f64_vector f64_load(const double *p) { return _mm512_loadu_pd(p); }
INLINE void f64_store(void *out, f64_vector a) { _mm512_storeu_pd(out, a); }
enum { HAS_NONTEMPORAL_VECTORS = 1 };
INLINE void f64_store_nontemporal(void *out, f64_vector a) { _mm512_stream_pd(out, a); }
INLINE void u32_store_nontemporal(void *out, u32_vector a) { _mm512_stream_si512(out, a); }

INLINE u32_vector u32_set(uint32_t x) { return _mm512_set1_epi32((int)x); }
INLINE u32_vector u32_load(const uint32_t *p) { return _mm512_loadu_si512(p); }
INLINE u32_vector u32_repeat_block(const uint32_t *p) { return _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)p)); }
/* x as the high half of every block. */
INLINE u32_vector u32_repeat_high_half(uint64_t x) { return _mm512_maskz_set1_epi64(0xaa, (long long)x); }
INLINE u32_vector u32_xor(u32_vector a, u32_vector b) { return _mm512_xor_si512(a, b); }
INLINE u32_vector u32_and(u32_vector a, u32_vector b) { return _mm512_and_si512(a, b); }
INLINE u32_vector u32_or(u32_vector a, u32_vector b) { return _mm512_or_si512(a, b); }
INLINE u32_vector u32_add(u32_vector a, u32_vector b) { return _mm512_add_epi32(a, b); }
INLINE u32_vector u32_sub(u32_vector a, u32_vector b) { return _mm512_sub_epi32(a, b); }
INLINE u32_vector u32_shift_right(u32_vector a, int n) { return _mm512_srli_epi32(a, (unsigned)n); }
INLINE f32_mask u32_is_greater(u32_vector a, u32_vector b) { return _mm512_cmple_epi32_mask(a, b); }
INLINE u32_vector u32_select(f32_mask m, u32_vector a, u32_vector b) { return _mm512_mask_blend_epi32(m, a, b); }
INLINE u32_vector u32_from_f32_bits(f32_vector a) { return _mm512_castps_si512(a); }
INLINE f32_vector f32_from_u32_bits(u32_vector a) { return _mm512_castsi512_ps(a); }
INLINE u64_vector u64_from_words(u32_vector a) { return a; }
INLINE u32_vector u32_little_endian(u32_vector a) { return a; }
INLINE void u32_store(void *out, u32_vector a) { _mm512_storeu_si512(out, a); }
INLINE void u32_store_low_16(void *out, u32_vector a) { _mm256_storeu_si256(out, _mm512_cvtepi32_epi16(a)); }
INLINE u32_vector u32_pack_high_16(u32_vector a, u32_vector b)
{
    const __m512i odd = _mm512_set_epi16(63, 61, 59, 57, 55, 53, 51, 49, 47, 45, 43, 41, 39, 37, 35, 33, 31, 29, 27, 25, 23, 21, 19, 17, 15, 13, 11, 9, 7, 5, 3, 1);
    return _mm512_permutex2var_epi16(a, odd, b);
}
#ifdef __AVX512BF16__
#define HAVE_BFLOAT16
INLINE u32_vector f32_pack_bfloat16(f32_vector a, f32_vector b) { return (__m512i)_mm512_cvtne2ps_pbh(b, a); }
#endif
INLINE void u32_store_low_8(void *out, u32_vector a) { _mm_storeu_si128(out, _mm512_cvtepi32_epi8(a)); }

INLINE u32_vector aes_round(u32_vector state, u32_vector key) { return _mm512_aesenc_epi128(state, key); }
INLINE u32_vector aes_last_round(u32_vector state, u32_vector key) { return _mm512_aesenclast_epi128(state, key); }

INLINE void copy_line_nontemporal(void *out, const void *line) { _mm512_stream_si512(out, _mm512_loadu_si512(line)); }
INLINE void nontemporal_fence(void) { _mm_sfence(); }
/* clang-format on */

#include "../kernels-inl.h"

#ifdef __AVX512BF16__
const struct kernels avx512_bf16_kernels = KERNELS("avx512_bf16");
#else
const struct kernels avx512_kernels = KERNELS("avx512");
#endif
