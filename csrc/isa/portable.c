/* The vocabulary in plain C11, which defines what each operation means: arrays of 16 lanes of 32
   bits, 8 of 64, or four AES blocks. Lanes hold values, so the machine's byte order does not
   matter. */

#include <math.h>
#include <stdint.h>
#include <string.h>

/* The compiler decides what to inline and unroll: a vector is a loop here, and all of them inlined
   take minutes to compile. */
#define INLINE static inline __attribute__((unused))
#define UNROLL

#include "../aes.h"
#include "../internal.h"

#define U32_LANES 16
/* Vectors that make a row of a matrix product's register tile, which has four rows. */
#define PRODUCT_VECTORS 1

typedef struct {
    uint32_t lane[16];
} u32_vector, f32_mask;
typedef struct {
    uint64_t lane[8];
} u64_vector, f64_mask;
typedef struct {
    float lane[16];
} f32_vector;
typedef struct {
    double lane[8];
} f64_vector;

#define LANES(type, count, expression)                                                             \
    {                                                                                              \
        type result;                                                                               \
        for (int i = 0; i < (count); i++)                                                          \
            result.lane[i] = (expression);                                                         \
        return result;                                                                             \
    }

/* clang-format off */
#define REAL_OPERATIONS(f, u, scalar, word, count, fused, root, mantissa_bits, bias)               \
    INLINE f##_vector f##_set(scalar x) LANES(f##_vector, count, x)                                \
    INLINE f##_vector f##_add(f##_vector a, f##_vector b)                                          \
        LANES(f##_vector, count, a.lane[i] + b.lane[i])                                            \
    INLINE f##_vector f##_sub(f##_vector a, f##_vector b)                                          \
        LANES(f##_vector, count, a.lane[i] - b.lane[i])                                            \
    INLINE f##_vector f##_mul(f##_vector a, f##_vector b)                                          \
        LANES(f##_vector, count, a.lane[i] * b.lane[i])                                            \
    INLINE f##_vector f##_div(f##_vector a, f##_vector b)                                          \
        LANES(f##_vector, count, a.lane[i] / b.lane[i])                                            \
    INLINE f##_vector f##_fma(f##_vector a, f##_vector b, f##_vector c)                            \
        LANES(f##_vector, count, fused(a.lane[i], b.lane[i], c.lane[i]))                           \
    INLINE f##_vector f##_sqrt(f##_vector a) LANES(f##_vector, count, root(a.lane[i]))             \
    INLINE f##_vector f##_min(f##_vector a, f##_vector b)                                          \
        LANES(f##_vector, count, a.lane[i] < b.lane[i] ? a.lane[i] : b.lane[i])                    \
    INLINE f##_vector f##_max(f##_vector a, f##_vector b)                                          \
        LANES(f##_vector, count, a.lane[i] > b.lane[i] ? a.lane[i] : b.lane[i])                    \
    INLINE f##_mask f##_is_less(f##_vector a, f##_vector b)                                        \
        LANES(f##_mask, count, a.lane[i] < b.lane[i])                                              \
    INLINE f##_mask f##_no_lane(void) LANES(f##_mask, count, 0)                                    \
    INLINE f##_vector f##_select(f##_mask m, f##_vector a, f##_vector b)                           \
        LANES(f##_vector, count, m.lane[i] ? a.lane[i] : b.lane[i])                                \
    INLINE f##_mask u##_is_negative(u##_vector a)                                                  \
        LANES(f##_mask, count, a.lane[i] >> (8 * sizeof(word) - 1))                                \
    INLINE f##_mask u##_has_second_bit(u##_vector a)                                               \
        LANES(f##_mask, count, a.lane[i] >> (8 * sizeof(word) - 2) & 1)                            \
    INLINE u##_vector u##_shift_left_2(u##_vector a) LANES(u##_vector, count, a.lane[i] << 2)      \
    INLINE u##_vector u##_flip_top_bit(u##_vector a)                                               \
        LANES(u##_vector, count, a.lane[i] ^ (word)1 << (8 * sizeof(word) - 1))                    \
    INLINE word f##_bits(scalar x) { word bits; memcpy(&bits, &x, sizeof bits); return bits; }     \
    INLINE scalar f##_from_bits(word x) { scalar value; memcpy(&value, &x, sizeof x); return value; } \
    INLINE f##_vector f##_flip_sign(f##_vector a, u##_vector sign)                                 \
        LANES(f##_vector, count, sign.lane[i] >> (8 * sizeof(word) - 1) ? -a.lane[i] : a.lane[i])  \
    INLINE f##_vector f##_mantissa(f##_vector a)                                                   \
        LANES(f##_vector, count,                                                                   \
              f##_from_bits((f##_bits(a.lane[i]) & (((word)1 << mantissa_bits) - 1)) |             \
                            (word)bias << mantissa_bits))                                          \
    INLINE f##_vector f##_exponent_unless(f##_mask m, f##_vector a)                                \
        LANES(f##_vector, count,                                                                   \
              m.lane[i] ? 0 : (scalar)((int)(f##_bits(a.lane[i]) >> mantissa_bits) - bias))        \
    INLINE f##_vector f##_load(const scalar *p) LANES(f##_vector, count, p[i])                     \
    INLINE void f##_store(void *out, f##_vector a) { memcpy(out, a.lane, sizeof a.lane); }
/* clang-format on */

#ifdef FP_FAST_FMAF
#define FMAF __builtin_fmaf
#else
#define FMAF fmaf
#endif
#ifdef FP_FAST_FMA
#define FMA __builtin_fma
#else
#define FMA fma
#endif

REAL_OPERATIONS(f32, u32, float, uint32_t, 16, FMAF, sqrtf, 23, 127)
REAL_OPERATIONS(f64, u64, double, uint64_t, 8, FMA, sqrt, 52, 1023)

INLINE uint32_t little_endian(uint32_t x)
{
    const unsigned char bytes[4] = {x & 255, x >> 8 & 255, x >> 16 & 255, x >> 24};
    memcpy(&x, bytes, sizeof x);
    return x;
}

/* Two's complement without the implementation-defined conversion. */
INLINE int32_t signed_32(uint32_t x)
{
    int32_t value;
    memcpy(&value, &x, sizeof value);
    return value;
}
INLINE int64_t signed_64(uint64_t x)
{
    int64_t value;
    memcpy(&value, &x, sizeof value);
    return value;
}

/* clang-format off */
INLINE f32_vector f32_from_signed(u32_vector a) LANES(f32_vector, 16, (float)signed_32(a.lane[i]))
INLINE f64_vector f64_from_signed(u64_vector a) LANES(f64_vector, 8, (double)signed_64(a.lane[i]))
INLINE f64_vector f64_from_signed_low_half(u32_vector a)
    LANES(f64_vector, 8, signed_32(a.lane[i]))
INLINE f64_vector f64_from_signed_high_half(u32_vector a)
    LANES(f64_vector, 8, signed_32(a.lane[i + 8]))
INLINE f32_vector f32_from_f64(f64_vector low, f64_vector high)
    LANES(f32_vector, 16, (float)(i < 8 ? low.lane[i] : high.lane[i - 8]))

INLINE u32_vector u32_set(uint32_t x) LANES(u32_vector, 16, x)
INLINE u32_vector u32_load(const uint32_t *p) LANES(u32_vector, 16, p[i])
INLINE u32_vector u32_repeat_block(const uint32_t *p) LANES(u32_vector, 16, p[i % 4])
INLINE u32_vector u32_repeat_high_half(uint64_t x) LANES(u32_vector, 16, i % 4 < 2 ? 0 : (uint32_t)(x >> (32 * (i % 2))))
INLINE u32_vector u32_xor(u32_vector a, u32_vector b) LANES(u32_vector, 16, a.lane[i] ^ b.lane[i])
INLINE u32_vector u32_and(u32_vector a, u32_vector b) LANES(u32_vector, 16, a.lane[i] & b.lane[i])
INLINE u32_vector u32_or(u32_vector a, u32_vector b) LANES(u32_vector, 16, a.lane[i] | b.lane[i])
INLINE u32_vector u32_add(u32_vector a, u32_vector b) LANES(u32_vector, 16, a.lane[i] + b.lane[i])
INLINE u32_vector u32_sub(u32_vector a, u32_vector b) LANES(u32_vector, 16, a.lane[i] - b.lane[i])
INLINE u32_vector u32_shift_right(u32_vector a, int n) LANES(u32_vector, 16, a.lane[i] >> n)
INLINE f32_mask u32_is_greater(u32_vector a, u32_vector b)
    LANES(f32_mask, 16, signed_32(a.lane[i]) > signed_32(b.lane[i]))
INLINE u32_vector u32_select(f32_mask m, u32_vector a, u32_vector b)
    LANES(u32_vector, 16, m.lane[i] ? a.lane[i] : b.lane[i])
INLINE u32_vector u32_from_f32_bits(f32_vector a) LANES(u32_vector, 16, f32_bits(a.lane[i]))
INLINE f32_vector f32_from_u32_bits(u32_vector a) LANES(f32_vector, 16, f32_from_bits(a.lane[i]))
/* Words that lie in memory as the little-endian bytes of a. */
INLINE u32_vector u32_little_endian(u32_vector a) LANES(u32_vector, 16, little_endian(a.lane[i]))
INLINE u64_vector u64_from_words(u32_vector a)
    LANES(u64_vector, 8, a.lane[2 * i] | (uint64_t)a.lane[2 * i + 1] << 32)
INLINE void u32_store(void *out, u32_vector a) { memcpy(out, a.lane, sizeof a.lane); }
enum { HAS_NONTEMPORAL_VECTORS = 0 };
/* clang-format on */

INLINE void f64_store_nontemporal(void *out, f64_vector a)
{
    f64_store(out, a);
}
INLINE void u32_store_nontemporal(void *out, u32_vector a)
{
    u32_store(out, a);
}
INLINE void u32_store_low_16(void *out, u32_vector a)
{
    uint16_t low[16];
    for (int i = 0; i < 16; i++)
        low[i] = (uint16_t)a.lane[i];
    memcpy(out, low, sizeof low);
}
INLINE u32_vector u32_pack_high_16(u32_vector a, u32_vector b)
{
    u32_vector packed;
    uint16_t high[32];
    for (int i = 0; i < 16; i++) {
        high[i] = (uint16_t)(a.lane[i] >> 16);
        high[i + 16] = (uint16_t)(b.lane[i] >> 16);
    }
    memcpy(packed.lane, high, sizeof high);
    return packed;
}
INLINE void u32_store_low_8(void *out, u32_vector a)
{
    uint8_t low[16];
    for (int i = 0; i < 16; i++)
        low[i] = (uint8_t)a.lane[i];
    memcpy(out, low, sizeof low);
}
INLINE void copy_line_nontemporal(void *out, const void *line)
{
    memcpy(out, line, 64);
}
INLINE void nontemporal_fence(void)
{
}

/* SubBytes and MixColumns of one byte of a column, for each of its four rows. */
#define AES_TWICE(s) (((s) << 1 ^ ((s) >> 7) * 0x1b) & 255)
#define AES_WORD(a, b, c, d)                                                                       \
    ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)
#define AES_ROW_0(s) AES_WORD(AES_TWICE(s), s, s, AES_TWICE(s) ^ (s))
#define AES_ROW_1(s) AES_WORD(AES_TWICE(s) ^ (s), AES_TWICE(s), s, s)
#define AES_ROW_2(s) AES_WORD(s, AES_TWICE(s) ^ (s), AES_TWICE(s), s)
#define AES_ROW_3(s) AES_WORD(s, s, AES_TWICE(s) ^ (s), AES_TWICE(s))
static const uint32_t aes_mixed[4][256] = {
    {AES_SBOX(AES_ROW_0)}, {AES_SBOX(AES_ROW_1)}, {AES_SBOX(AES_ROW_2)}, {AES_SBOX(AES_ROW_3)}};

/* ShiftRows: row r of a column comes from the column r places on. */
#define AES_ROWS(a, b, c, d)                                                                       \
    (aes_mixed[0][a & 255] ^ aes_mixed[1][b >> 8 & 255] ^ aes_mixed[2][c >> 16 & 255] ^            \
     aes_mixed[3][d >> 24])
#define AES_LAST_ROWS(a, b, c, d)                                                                  \
    ((uint32_t)aes_sbox[a & 255] | (uint32_t)aes_sbox[b >> 8 & 255] << 8 |                         \
     (uint32_t)aes_sbox[c >> 16 & 255] << 16 | (uint32_t)aes_sbox[d >> 24] << 24)
#define DEFINE_AES_ROUND(name, ROWS)                                                               \
    INLINE u32_vector name(u32_vector state, u32_vector key)                                       \
    {                                                                                              \
        for (int i = 0; i < 16; i += 4) {                                                          \
            const uint32_t a = state.lane[i], b = state.lane[i + 1];                               \
            const uint32_t c = state.lane[i + 2], d = state.lane[i + 3];                           \
            state.lane[i] = ROWS(a, b, c, d) ^ key.lane[i];                                        \
            state.lane[i + 1] = ROWS(b, c, d, a) ^ key.lane[i + 1];                                \
            state.lane[i + 2] = ROWS(c, d, a, b) ^ key.lane[i + 2];                                \
            state.lane[i + 3] = ROWS(d, a, b, c) ^ key.lane[i + 3];                                \
        }                                                                                          \
        return state;                                                                              \
    }
DEFINE_AES_ROUND(aes_round, AES_ROWS)
DEFINE_AES_ROUND(aes_last_round, AES_LAST_ROWS)

#include "../kernels-inl.h"

const struct kernels portable_kernels = KERNELS("portable");
