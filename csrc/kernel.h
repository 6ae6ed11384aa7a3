/* The algorithm, once: words -> distribution -> rounding -> store. Each isa/NAME.c defines a vector
   vocabulary and includes this file, which ends in that unit's one global, NAME_kernels. */

#include <string.h>

#include "coefficients.h"
#include "internal.h"
#include "repeat.h"

typedef float f32_scalar;
typedef double f64_scalar;

#include "narrow.h"
#include "stream.h"

#define BITS 32
#define UNIT 0x1p-31f
#define LOG_DEGREE F32_LOG_DEGREE
#define SINE_DEGREE F32_SINE_DEGREE
#define COSINE_DEGREE F32_COSINE_DEGREE
#define F(name) f32_##name
#define U(name) u32_##name
#include "elementary.h"

#include "distributions.h"

#include "reflectors.h"
#undef BITS
#undef UNIT
#undef LOG_DEGREE
#undef SINE_DEGREE
#undef COSINE_DEGREE
#undef F
#undef U

#define BITS 64
#define UNIT 0x1p-63
#define LOG_DEGREE F64_LOG_DEGREE
#define SINE_DEGREE F64_SINE_DEGREE
#define COSINE_DEGREE F64_COSINE_DEGREE
#define F(name) f64_##name
#define U(name) u64_##name
#include "elementary.h"

#include "distributions.h"

#include "reflectors.h"
#undef BITS
#undef UNIT
#undef LOG_DEGREE
#undef SINE_DEGREE
#undef COSINE_DEGREE
#undef F
#undef U

_Static_assert(F32_VECTORS *U32_LANES == TILE && F64_VECTORS == 2 * F32_VECTORS,
               "a tile is so many vectors");

/* The first step of what takes several, for vectors v and v + half a tile: the logarithms, and what
   of the words is needed after them. */
INLINE void f32_begin(enum method method, u32_vector *words, const struct parameters *p,
                      f32_vector *logarithms)
{
    if (method == METHOD_NORMAL) {
        logarithms[0] = f32_squared_radius(words[0]);
    } else if (method == METHOD_TRUNCATED_CENTRE) {
        const f32_vector first = f32_centre_probability(words[0], p);
        const f32_vector second = f32_centre_probability(words[HALF_VECTORS], p);
        logarithms[0] = f32_centre_logarithm(first);
        logarithms[HALF_VECTORS] = f32_centre_logarithm(second);
        words[0] = u32_from_f32_bits(first);
        words[HALF_VECTORS] = u32_from_f32_bits(second);
    }
}

INLINE void f32_proceed(enum method method, const f32_vector *logarithms,
                        const struct parameters *p, f32_vector *begun)
{
    if (method == METHOD_NORMAL)
        begun[0] = f32_radius(logarithms[0], p);
    else if (method == METHOD_TRUNCATED_CENTRE)
        begun[0] = logarithms[0], begun[HALF_VECTORS] = logarithms[HALF_VECTORS];
}

INLINE void f32_pair(enum method method, const u32_vector *words, const f32_vector *begun,
                     const struct parameters *p, f32_vector *values)
{
    const u32_vector first = words[0], second = words[HALF_VECTORS];
    f32_vector *const a = values, *const b = values + HALF_VECTORS;
    if (method == METHOD_UNIFORM)
        *a = f32_uniform(first, p), *b = f32_uniform(second, p);
    else if (method == METHOD_NORMAL)
        f32_box_muller(begun[0], second, p, a, b);
    else if (method == METHOD_TRUNCATED_CENTRE)
        *a = f32_truncated_centre(f32_from_u32_bits(first), begun[0], p),
        *b = f32_truncated_centre(f32_from_u32_bits(second), begun[HALF_VECTORS], p);
}

INLINE void f64_begin(enum method method, const u32_vector *words, f64_vector *logarithms)
{
    if (method == METHOD_NORMAL)
        logarithms[0] = f64_squared_radius(u64_from_u32_pairs(words[0]));
}

INLINE void f64_proceed(enum method method, const f64_vector *logarithms,
                        const struct parameters *p, f64_vector *begun)
{
    if (method == METHOD_NORMAL)
        begun[0] = f64_radius(logarithms[0], p);
}

INLINE void f64_pair(enum method method, const u32_vector *words, const f64_vector *begun,
                     const struct parameters *p, f64_vector *values)
{
    const u64_vector first = u64_from_u32_pairs(words[0]);
    const u64_vector second = u64_from_u32_pairs(words[F32_VECTORS]);
    f64_vector *const a = values, *const b = values + F32_VECTORS;
    if (method == METHOD_UNIFORM)
        *a = f64_uniform(first, p), *b = f64_uniform(second, p);
    else if (method == METHOD_NORMAL)
        f64_box_muller(begun[0], second, p, a, b);
}

/* Vectors `first` and the next of a tile. */
INLINE void store_pair(int format, unsigned char *tile, int first, f32_vector a, f32_vector b,
                       int streams)
{
    unsigned char *const out = tile + (size_t)first * U32_LANES * format_size(format);
    if (format == FASTINIT_FLOAT32)
        store_float32(out, a, b, streams);
    else if (format == FASTINIT_FLOAT16)
        store_float16(out, a, b, streams);
    else if (format == FASTINIT_BFLOAT16)
        store_bfloat16(out, a, b, streams);
#ifdef HAVE_BFLOAT16
    else if (format == BFLOAT16_NO_SUBNORMAL)
        store_bfloat16_no_subnormal(out, a, b, streams);
#endif
    else if (format == FASTINIT_FLOAT8_E4M3FN)
        store_float8_e4m3fn(out, a, b);
    else
        store_float8_e5m2(out, a, b);
}

/* Whole lines on their way from a cached buffer to memory, past the caches. */
struct lines {
    const unsigned char *from, *end;
    unsigned char *to;
};

INLINE void stream_next_line(struct lines *lines)
{
    if (lines->from != lines->end) {
        stream_line(lines->to, lines->from);
        lines->from += LINE;
        lines->to += LINE;
    }
}

/* Whether stores of whole vectors can go past the caches by themselves. */
#ifdef HAVE_STREAM
#define CAN_STREAM(tile_bytes) ((tile_bytes) >= LINE)
#else
#define CAN_STREAM(tile_bytes) 0
#endif

/* Writes whole tiles, one after another, to `out`, and sends lines at the same pace; where `lines`
   is null, past the caches, if CAN_STREAM, and then `out` is aligned to a line. */
typedef void tiles_function(const struct cipher *cipher, const struct parameters *p, uint64_t tile,
                            size_t tiles, unsigned char *out, struct lines *lines);

INLINE void constant_tiles(int format, int streams, const struct parameters *p, size_t tiles,
                           unsigned char *out, struct lines *lines)
{
    struct lines own = streams ? (struct lines){0} : *lines;
    for (; tiles > 0; tiles--, out += TILE * format_size(format)) {
        for (int v = 0; v < F32_VECTORS; v++)
            if (format == FASTINIT_FLOAT64) {
                f64_write(out + 2 * v * sizeof(f64_vector), f64_set(p->mean), streams);
                f64_write(out + (2 * v + 1) * sizeof(f64_vector), f64_set(p->mean), streams);
            } else if (v % 2 == 0) {
                store_pair(format, out, v, f32_set((float)p->mean), f32_set((float)p->mean),
                           streams);
            }
        for (size_t sent = 0; !streams && sent < TILE * format_size(format); sent += LINE)
            stream_next_line(&own);
    }
    if (!streams)
        *lines = own;
}

/* The words as the bytes that they are read from. Tiles do not wait for each other. */
INLINE void bits_tiles(int streams, const struct cipher *cipher, uint64_t tile, size_t tiles,
                       unsigned char *out, struct lines *lines)
{
    struct lines own = streams ? (struct lines){0} : *lines;
    for (const uint64_t end = tile + tiles; tile != end; tile++, out += 4 * TILE) {
        u32_vector words[F32_VECTORS];
        f32_keystream(cipher, tile, words);
        for (int v = 0; v < F32_VECTORS; v++)
            u32_write(out + 4 * U32_LANES * v, u32_little_endian(words[v]), streams);
        for (size_t sent = 0; !streams && sent < 4 * TILE; sent += LINE)
            stream_next_line(&own);
    }
    if (!streams)
        *lines = own;
}

/* Three tiles are under way at a time: the keystream of one, the logarithms of the radii of the one
   before, the rest of the one before that. Their chains of operations do not wait for each other,
   which keeps the execution units busy. */
INLINE void f32_tiles(enum method method, int format, int streams, const struct cipher *cipher,
                      const struct parameters *p, uint64_t tile, size_t tiles, unsigned char *out,
                      struct lines *lines)
{
    u32_vector words[F32_VECTORS], next[F32_VECTORS], after[F32_VECTORS];
    f32_vector values[F32_VECTORS], logarithms[F32_VECTORS], begun[F32_VECTORS];
    struct lines own = streams ? (struct lines){0} : *lines;
#define BEGIN(v) f32_begin(method, next + (v), p, logarithms + (v));
#define PROCEED(v) f32_proceed(method, logarithms + (v), p, begun + (v));
#define PAIR(v) f32_pair(method, words + (v), begun + (v), p, values + (v));
#define STORE(v) store_pair(format, out, 2 * (v), values[2 * (v)], values[2 * (v) + 1], streams);
#define ADVANCE(v) words[v] = next[v], next[v] = after[v];
    f32_keystream(cipher, tile, next);
    REPEAT(HALF_VECTORS, BEGIN)
    f32_keystream(cipher, tile + 1, after);
    REPEAT(F32_VECTORS, ADVANCE)
    for (const uint64_t end = tile + tiles; tile != end; out += TILE * format_size(format)) {
        REPEAT(HALF_VECTORS, PROCEED)
        f32_keystream(cipher, ++tile + 1, after);
        REPEAT(HALF_VECTORS, BEGIN)
        if (method == METHOD_TRUNCATED) {
            f32_truncated_words(words, p, values);
        } else {
            REPEAT(HALF_VECTORS, PAIR)
        }
        REPEAT(HALF_VECTORS, STORE)
        for (size_t sent = 0; !streams && sent < TILE * format_size(format); sent += LINE)
            stream_next_line(&own);
        REPEAT(F32_VECTORS, ADVANCE)
    }
#undef BEGIN
#undef PROCEED
#undef PAIR
#undef STORE
#undef ADVANCE
    if (!streams)
        *lines = own;
}

INLINE void f64_tiles(enum method method, int streams, const struct cipher *cipher,
                      const struct parameters *p, uint64_t tile, size_t tiles, unsigned char *out,
                      struct lines *lines)
{
    u32_vector words[F64_VECTORS], next[F64_VECTORS], after[F64_VECTORS];
    f64_vector values[F64_VECTORS], logarithms[F32_VECTORS], begun[F32_VECTORS];
    struct lines own = streams ? (struct lines){0} : *lines;
#define BEGIN(v) f64_begin(method, next + (v), logarithms + (v));
#define PROCEED(v) f64_proceed(method, logarithms + (v), p, begun + (v));
#define PAIR(v) f64_pair(method, words + (v), begun + (v), p, values + (v));
#define STORE(v) f64_write(out + (v) * (TILE * sizeof(double) / F64_VECTORS), values[v], streams);
#define ADVANCE(v) words[v] = next[v], next[v] = after[v];
    f64_keystream(cipher, tile, next);
    REPEAT(F32_VECTORS, BEGIN)
    f64_keystream(cipher, tile + 1, after);
    REPEAT(F64_VECTORS, ADVANCE)
    for (const uint64_t end = tile + tiles; tile != end; out += TILE * sizeof(double)) {
        REPEAT(F32_VECTORS, PROCEED)
        f64_keystream(cipher, ++tile + 1, after);
        REPEAT(F32_VECTORS, BEGIN)
        if (method == METHOD_TRUNCATED) {
            f64_truncated_words(words, p, values);
        } else {
            REPEAT(F32_VECTORS, PAIR)
        }
        REPEAT(F64_VECTORS, STORE)
        for (size_t sent = 0; !streams && sent < TILE * sizeof(double); sent += LINE)
            stream_next_line(&own);
        REPEAT(F64_VECTORS, ADVANCE)
    }
#undef BEGIN
#undef PROCEED
#undef PAIR
#undef STORE
#undef ADVANCE
    if (!streams)
        *lines = own;
}

#define STAGE_BYTES 8192

/* The same, past the caches, at any alignment. Tiles lie where the index says, lines where memory
   is: tiles go to a stage in the first-level cache, and the lines of one stage to memory while the
   tiles of the other are made. */
static void stream_tiles(tiles_function *write_tiles, size_t tile_bytes,
                         const struct cipher *cipher, const struct parameters *p, uint64_t tile,
                         size_t tiles, unsigned char *out)
{
    _Alignas(LINE) unsigned char stages[2][STAGE_BYTES + LINE];
    unsigned char *stage = stages[0], *other = stages[1];
    const size_t lead = (uintptr_t)out % LINE;
    unsigned char *line = out - lead;
    size_t staged = lead;
    struct lines lines = {0};
    while (tiles > 0) {
        const size_t most = STAGE_BYTES / tile_bytes, now = tiles < most ? tiles : most;
        write_tiles(cipher, p, tile, now, stage + staged, &lines);
        while (lines.from != lines.end)
            stream_next_line(&lines);
        tile += now;
        tiles -= now;
        staged += now * tile_bytes;
        const size_t whole = staged / LINE * LINE;
        lines = (struct lines){stage, stage + whole, line};
        if (line < out) { /* the first line is not all ours */
            memcpy(out, stage + lead, LINE - lead);
            lines.from += LINE;
            lines.to += LINE;
        }
        memcpy(other, stage + whole, staged - whole);
        line += whole;
        staged -= whole;
        unsigned char *const swap = stage;
        stage = other;
        other = swap;
    }
    while (lines.from != lines.end)
        stream_next_line(&lines);
    memcpy(line, stage, staged);
    stream_end();
}

static void fill(tiles_function *write_tiles, int format, const struct parameters *p,
                 uint64_t first, size_t count, unsigned char *out, int stream)
{
    const size_t size = format_size(format), elements = tile_elements(format);
    const size_t tile_bytes = elements * size;
    struct cipher cipher;
    set_up_cipher(&cipher, p->round_keys);
    uint64_t tile = first / elements;
    size_t skip = first % elements;
    struct lines none = {0};
    while (count > 0) {
        if (skip == 0 && count >= elements) {
            const size_t tiles = count / elements;
            if (!stream || tiles * tile_bytes < STAGE_BYTES) {
                write_tiles(&cipher, p, tile, tiles, out, &none);
            } else if (CAN_STREAM(tile_bytes) && (uintptr_t)out % LINE == 0) {
                write_tiles(&cipher, p, tile, tiles, out, NULL);
                stream_end();
            } else {
                stream_tiles(write_tiles, tile_bytes, &cipher, p, tile, tiles, out);
            }
            tile += tiles;
            out += tiles * tile_bytes;
            count -= tiles * elements;
        } else {
            unsigned char edge[TILE * sizeof(double)];
            const size_t now = count < elements - skip ? count : elements - skip;
            write_tiles(&cipher, p, tile++, 1, edge, &none);
            memcpy(out, edge + skip * size, now * size);
            out += now * size;
            count -= now;
            skip = 0;
        }
    }
}

#define TILES(method, format, streams, cipher, p)                                                  \
    if ((method) == METHOD_CONSTANT)                                                               \
        constant_tiles(format, streams, p, tiles, out, lines);                                     \
    else if ((method) == METHOD_BITS)                                                              \
        bits_tiles(streams, cipher, tile, tiles, out, lines);                                      \
    else if ((format) == FASTINIT_FLOAT64) /* which has no centre: its polynomial is float32's */  \
        f64_tiles((method) == METHOD_TRUNCATED_CENTRE ? METHOD_TRUNCATED : (method), streams,      \
                  cipher, p, tile, tiles, out, lines);                                             \
    else                                                                                           \
        f32_tiles(method, format, streams, cipher, p, tile, tiles, out, lines);
#define DEFINE_FILL(name, method, format)                                                          \
    static void name##_tiles(const struct cipher *cipher, const struct parameters *p,              \
                             uint64_t tile, size_t tiles, unsigned char *out, struct lines *lines) \
    {                                                                                              \
        /* Copies, which the stores to `out` cannot alias, so that they stay in registers. */      \
        const struct cipher own_cipher = *cipher;                                                  \
        const struct parameters own = *p;                                                          \
        if (CAN_STREAM(tile_elements(format) * format_size(format)) && lines == NULL) {            \
            TILES(method, format, 1, &own_cipher, &own)                                            \
        } else {                                                                                   \
            TILES(method, format, 0, &own_cipher, &own)                                            \
        }                                                                                          \
    }                                                                                              \
    static void name(const struct parameters *p, uint64_t first, size_t count, void *out,          \
                     int stream)                                                                   \
    {                                                                                              \
        fill(name##_tiles, format, p, first, count, out, stream);                                  \
    }
#ifdef HAVE_BFLOAT16
#define DEFINE_NO_SUBNORMAL(name, method)                                                          \
    DEFINE_FILL(name##_no_subnormal, method, BFLOAT16_NO_SUBNORMAL)
#define NO_SUBNORMAL(name) name##_no_subnormal
#else
#define DEFINE_NO_SUBNORMAL(name, method)
#define NO_SUBNORMAL(name) name##_bfloat16
#endif
#define DEFINE_FILLS(name, method)                                                                 \
    DEFINE_FILL(name##_float64, method, FASTINIT_FLOAT64)                                          \
    DEFINE_FILL(name##_float32, method, FASTINIT_FLOAT32)                                          \
    DEFINE_FILL(name##_float16, method, FASTINIT_FLOAT16)                                          \
    DEFINE_FILL(name##_bfloat16, method, FASTINIT_BFLOAT16)                                        \
    DEFINE_FILL(name##_float8_e4m3fn, method, FASTINIT_FLOAT8_E4M3FN)                              \
    DEFINE_FILL(name##_float8_e5m2, method, FASTINIT_FLOAT8_E5M2)                                  \
    DEFINE_NO_SUBNORMAL(name, method)
#define NAME_FILLS(name)                                                                           \
    {                                                                                              \
        [FASTINIT_FLOAT64] = name##_float64, [FASTINIT_FLOAT32] = name##_float32,                  \
        [FASTINIT_FLOAT16] = name##_float16, [FASTINIT_BFLOAT16] = name##_bfloat16,                \
        [FASTINIT_FLOAT8_E4M3FN] = name##_float8_e4m3fn,                                           \
        [FASTINIT_FLOAT8_E5M2] = name##_float8_e5m2, [BFLOAT16_NO_SUBNORMAL] = NO_SUBNORMAL(name), \
    }

DEFINE_FILLS(constant, METHOD_CONSTANT)
DEFINE_FILLS(uniform, METHOD_UNIFORM)
DEFINE_FILLS(normal, METHOD_NORMAL)
DEFINE_FILLS(truncated_centre, METHOD_TRUNCATED_CENTRE)
DEFINE_FILLS(truncated, METHOD_TRUNCATED)
DEFINE_FILL(bits_uint8, METHOD_BITS, FASTINIT_UINT8)

static void stream(unsigned char *out, const unsigned char *in, size_t bytes)
{
    const size_t lead = -(uintptr_t)out % LINE, head = lead < bytes ? lead : bytes;
    memcpy(out, in, head);
    for (bytes -= head, out += head, in += head; bytes >= LINE; bytes -= LINE) {
        stream_line(out, in);
        out += LINE;
        in += LINE;
    }
    memcpy(out, in, bytes);
}

#define KERNELS(isa)                                                                               \
    {                                                                                              \
        .name = isa,                                                                               \
        .fill =                                                                                    \
            {                                                                                      \
                [METHOD_CONSTANT] = NAME_FILLS(constant),                                          \
                [METHOD_UNIFORM] = NAME_FILLS(uniform),                                            \
                [METHOD_NORMAL] = NAME_FILLS(normal),                                              \
                [METHOD_TRUNCATED_CENTRE] = NAME_FILLS(truncated_centre),                          \
                [METHOD_TRUNCATED] = NAME_FILLS(truncated),                                        \
                [METHOD_BITS] = {[FASTINIT_UINT8] = bits_uint8},                                   \
            },                                                                                     \
        .reflectors = {&f64_reflectors, &f32_reflectors}, .stream = stream,                        \
        .stream_end = stream_end,                                                                  \
    }
