/* The vocabulary for AArch64 with NEON and the AES instructions: vectors of 128 bits. Compile with
   -march=armv8-a+crypto. */

#if !defined(__aarch64__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "neon.c is for little-endian AArch64"
#endif
#if !defined(__ARM_FEATURE_AES) && !defined(__ARM_FEATURE_CRYPTO)
#error "compile neon.c with -march=armv8-a+crypto"
#endif

#include <arm_neon.h>
#include <stdint.h>
#include <string.h>

#include "../internal.h"

#define U32_LANES 4
/* Vectors that make a row of a matrix product's register tile, which has four rows. */
#define PRODUCT_VECTORS 4
#define HAVE_FLOAT16

/* Masks have all bits of a lane set, or none. */
typedef uint32x4_t u32_vector, f32_mask;
typedef uint64x2_t u64_vector, f64_mask;
typedef float32x4_t f32_vector;
typedef float64x2_t f64_vector;

#define LOW_BITS(n) (((uint64_t)1 << (n)) - 1)

/* clang-format off */
INLINE u32_vector u32_set(uint32_t x) { return vdupq_n_u32(x); }
INLINE u32_vector u32_load(const uint32_t *p) { return vld1q_u32(p); }
INLINE u32_vector u32_repeat_block(const uint32_t *p) { return vld1q_u32(p); }
/* x as the high half of a block. */
INLINE u32_vector u32_repeat_high_half(uint64_t x) { return vreinterpretq_u32_u64(vcombine_u64(vcreate_u64(0), vcreate_u64(x))); }
INLINE u32_vector u32_xor(u32_vector a, u32_vector b) { return veorq_u32(a, b); }
INLINE u32_vector u32_and(u32_vector a, u32_vector b) { return vandq_u32(a, b); }
INLINE u32_vector u32_or(u32_vector a, u32_vector b) { return vorrq_u32(a, b); }
INLINE u32_vector u32_add(u32_vector a, u32_vector b) { return vaddq_u32(a, b); }
INLINE u32_vector u32_sub(u32_vector a, u32_vector b) { return vsubq_u32(a, b); }
/* The operator >>, since vshrq_n_u32 wants a literal, and vshlq_u32 is not folded to an immediate. */
INLINE u32_vector u32_shift_right(u32_vector a, int n) { return a >> vdupq_n_u32((uint32_t)n); }
INLINE u32_vector u32_shift_left_2(u32_vector a) { return vshlq_n_u32(a, 2); }
INLINE u64_vector u64_shift_left_2(u64_vector a) { return vshlq_n_u64(a, 2); }
INLINE f32_mask u32_is_negative(u32_vector a) { return vcltzq_s32(vreinterpretq_s32_u32(a)); }
INLINE f64_mask u64_is_negative(u64_vector a) { return vcltzq_s64(vreinterpretq_s64_u64(a)); }
INLINE f32_mask u32_has_second_bit(u32_vector a) { return vtstq_u32(a, vdupq_n_u32(1u << 30)); }
INLINE f64_mask u64_has_second_bit(u64_vector a) { return vtstq_u64(a, vdupq_n_u64(1ull << 62)); }
INLINE f32_mask u32_is_greater(u32_vector a, u32_vector b) { return vcgtq_s32(vreinterpretq_s32_u32(a), vreinterpretq_s32_u32(b)); }
INLINE u32_vector u32_select(f32_mask m, u32_vector a, u32_vector b) { return vbslq_u32(m, a, b); }
INLINE u32_vector u32_from_f32_bits(f32_vector a) { return vreinterpretq_u32_f32(a); }
INLINE f32_vector f32_from_u32_bits(u32_vector a) { return vreinterpretq_f32_u32(a); }
INLINE u64_vector u64_from_words(u32_vector a) { return vreinterpretq_u64_u32(a); }

INLINE f32_vector f32_set(float x) { return vdupq_n_f32(x); }
INLINE f64_vector f64_set(double x) { return vdupq_n_f64(x); }
INLINE f32_vector f32_load(const float *p) { return vld1q_f32(p); }
INLINE f64_vector f64_load(const double *p) { return vld1q_f64(p); }
INLINE f32_vector f32_add(f32_vector a, f32_vector b) { return vaddq_f32(a, b); }
INLINE f64_vector f64_add(f64_vector a, f64_vector b) { return vaddq_f64(a, b); }
INLINE f32_vector f32_sub(f32_vector a, f32_vector b) { return vsubq_f32(a, b); }
INLINE f64_vector f64_sub(f64_vector a, f64_vector b) { return vsubq_f64(a, b); }
INLINE f32_vector f32_mul(f32_vector a, f32_vector b) { return vmulq_f32(a, b); }
INLINE f64_vector f64_mul(f64_vector a, f64_vector b) { return vmulq_f64(a, b); }
INLINE f32_vector f32_div(f32_vector a, f32_vector b) { return vdivq_f32(a, b); }
INLINE f64_vector f64_div(f64_vector a, f64_vector b) { return vdivq_f64(a, b); }
INLINE f32_vector f32_fma(f32_vector a, f32_vector b, f32_vector c) { return vfmaq_f32(c, a, b); }
INLINE f64_vector f64_fma(f64_vector a, f64_vector b, f64_vector c) { return vfmaq_f64(c, a, b); }
INLINE f32_vector f32_sqrt(f32_vector a) { return vsqrtq_f32(a); }
INLINE f64_vector f64_sqrt(f64_vector a) { return vsqrtq_f64(a); }
INLINE f32_mask f32_is_less(f32_vector a, f32_vector b) { return vcltq_f32(a, b); }
INLINE f64_mask f64_is_less(f64_vector a, f64_vector b) { return vcltq_f64(a, b); }
INLINE f32_mask f32_no_lane(void) { return vdupq_n_u32(0); }
INLINE f64_mask f64_no_lane(void) { return vdupq_n_u64(0); }
INLINE f32_vector f32_select(f32_mask m, f32_vector a, f32_vector b) { return vbslq_f32(m, a, b); }
INLINE f64_vector f64_select(f64_mask m, f64_vector a, f64_vector b) { return vbslq_f64(m, a, b); }
/* Not vminq and vmaxq, which differ for NaN and for zeros of unlike signs. */
INLINE f32_vector f32_min(f32_vector a, f32_vector b) { return vbslq_f32(vcltq_f32(a, b), a, b); }
INLINE f64_vector f64_min(f64_vector a, f64_vector b) { return vbslq_f64(vcltq_f64(a, b), a, b); }
INLINE f32_vector f32_max(f32_vector a, f32_vector b) { return vbslq_f32(vcgtq_f32(a, b), a, b); }
INLINE f64_vector f64_max(f64_vector a, f64_vector b) { return vbslq_f64(vcgtq_f64(a, b), a, b); }
INLINE u32_vector u32_flip_top_bit(u32_vector a) { return veorq_u32(a, vdupq_n_u32(0x80000000u)); }
INLINE f32_vector f32_flip_sign(f32_vector a, u32_vector sign)
{
    const u32_vector flip = vandq_u32(sign, vdupq_n_u32(1u << 31));
    return vreinterpretq_f32_u32(veorq_u32(vreinterpretq_u32_f32(a), flip));
}
INLINE u64_vector u64_flip_top_bit(u64_vector a) { return veorq_u64(a, vdupq_n_u64(0x8000000000000000u)); }
INLINE f64_vector f64_flip_sign(f64_vector a, u64_vector sign)
{
    const u64_vector flip = vandq_u64(sign, vdupq_n_u64(1ull << 63));
    return vreinterpretq_f64_u64(veorq_u64(vreinterpretq_u64_f64(a), flip));
}
INLINE f32_vector f32_mantissa(f32_vector a) { return vbslq_f32(vdupq_n_u32(LOW_BITS(23)), a, vdupq_n_f32(1)); }
INLINE f64_vector f64_mantissa(f64_vector a) { return vbslq_f64(vdupq_n_u64(LOW_BITS(52)), a, vdupq_n_f64(1)); }
INLINE f32_vector f32_exponent_unless(f32_mask m, f32_vector a)
{
    const int32x4_t biased = vreinterpretq_s32_u32(vshrq_n_u32(vreinterpretq_u32_f32(a), 23));
    const f32_vector exponent = vcvtq_f32_s32(vsubq_s32(biased, vdupq_n_s32(127)));
    return vbslq_f32(m, vdupq_n_f32(0), exponent);
}
INLINE f64_vector f64_exponent_unless(f64_mask m, f64_vector a)
{
    const int64x2_t biased = vreinterpretq_s64_u64(vshrq_n_u64(vreinterpretq_u64_f64(a), 52));
    const f64_vector exponent = vcvtq_f64_s64(vsubq_s64(biased, vdupq_n_s64(1023)));
    return vbslq_f64(m, vdupq_n_f64(0), exponent);
}
INLINE f32_vector f32_from_signed(u32_vector a) { return vcvtq_f32_s32(vreinterpretq_s32_u32(a)); }
INLINE f64_vector f64_from_signed(u64_vector a) { return vcvtq_f64_s64(vreinterpretq_s64_u64(a)); }
INLINE f64_vector f64_from_signed_low_half(u32_vector a) { return vcvtq_f64_s64(vmovl_s32(vget_low_s32(vreinterpretq_s32_u32(a)))); }
INLINE f64_vector f64_from_signed_high_half(u32_vector a) { return vcvtq_f64_s64(vmovl_high_s32(vreinterpretq_s32_u32(a))); }
INLINE f32_vector f32_from_f64(f64_vector low, f64_vector high) { return vcvt_high_f32_f64(vcvt_f32_f64(low), high); }

/* Stores of bytes, since targets need not be aligned. */
INLINE u32_vector u32_little_endian(u32_vector a) { return a; }
INLINE void u32_store(void *out, u32_vector a) { vst1q_u8(out, vreinterpretq_u8_u32(a)); }
INLINE void f32_store(void *out, f32_vector a) { vst1q_u8(out, vreinterpretq_u8_f32(a)); }
INLINE void f64_store(void *out, f64_vector a) { vst1q_u8(out, vreinterpretq_u8_f64(a)); }
enum { HAS_NONTEMPORAL_VECTORS = 0 };
INLINE void f64_store_nontemporal(void *out, f64_vector a) { f64_store(out, a); }
INLINE void u32_store_nontemporal(void *out, u32_vector a) { u32_store(out, a); }
INLINE void f32_write_float16(void *out, f32_vector a, int nontemporal)
{
    (void)nontemporal;
    vst1_u8(out, vreinterpret_u8_f16(vcvt_f16_f32(a)));
}
INLINE void u32_store_low_16(void *out, u32_vector a) { vst1_u8(out, vreinterpret_u8_u16(vmovn_u32(a))); }
INLINE u32_vector u32_pack_high_16(u32_vector a, u32_vector b)
{
    return vreinterpretq_u32_u16(vuzp2q_u16(vreinterpretq_u16_u32(a), vreinterpretq_u16_u32(b)));
}
INLINE void u32_store_low_8(void *out, u32_vector a)
{
    const uint16x4_t low_16 = vmovn_u32(a);
    const uint8x8_t low_8 = vmovn_u16(vcombine_u16(low_16, low_16));
    memcpy(out, &low_8, 4);
}
/* clang-format on */

INLINE void copy_pair_nontemporal(unsigned char *out, const unsigned char *line)
{
    __asm__ volatile("stnp %q0, %q1, [%2]"
                     :
                     : "w"(vld1q_u8(line)), "w"(vld1q_u8(line + 16)), "r"(out)
                     : "memory");
}
INLINE void copy_line_nontemporal(void *out, const void *line)
{
    copy_pair_nontemporal(out, line);
    copy_pair_nontemporal((unsigned char *)out + 32, (const unsigned char *)line + 32);
}
/* Empty: a release orders these stores like any others. */
INLINE void nontemporal_fence(void)
{
}

/* AESE adds its key first, the vocabulary's rounds add it last: so AESE gets zero, and the key is
   added after it. clang folds that addition into the next AESE, GCC spends an instruction on it. */
INLINE uint8x16_t aes_substitute(u32_vector state)
{
    return vaeseq_u8(vreinterpretq_u8_u32(state), vdupq_n_u8(0));
}
INLINE u32_vector aes_add_key(uint8x16_t state, u32_vector key)
{
    return vreinterpretq_u32_u8(veorq_u8(state, vreinterpretq_u8_u32(key)));
}
INLINE u32_vector aes_round(u32_vector state, u32_vector key)
{
    return aes_add_key(vaesmcq_u8(aes_substitute(state)), key);
}
INLINE u32_vector aes_last_round(u32_vector state, u32_vector key)
{
    return aes_add_key(aes_substitute(state), key);
}

#include "../kernels-inl.h"

const struct kernels neon_kernels = KERNELS("neon");
