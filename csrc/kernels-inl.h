/* The algorithm, once: words -> values -> rounding -> stores. Each isa/NAME.c defines a vector
   vocabulary and includes this header, then defines its one global, the table NAME_kernels. */

#include <string.h>

#include "coefficients.h"
#include "internal.h"

typedef float f32_scalar;
typedef double f64_scalar;

/* Vectors of a tile. */
enum { F32_VECTORS = TILE / U32_LANES, F64_VECTORS = 2 * F32_VECTORS };

INLINE u32_vector u32_from_words(u32_vector a)
{
    return a;
}

#include "keystream-inl.h"
#include "narrow-inl.h"
#include "nontemporal-inl.h"

#define BITS 64
#include "computation-inl.h"
#undef BITS
#define BITS 32
#include "computation-inl.h"
#undef BITS

/* The words as the bytes that they are read from. */
INLINE void bits_tiles(int nontemporal, const struct cipher *cipher, uint64_t tile, size_t tiles,
                       unsigned char *out, struct lines *lines)
{
    struct lines own = nontemporal ? (struct lines){0} : *lines;
    for (const uint64_t end = tile + tiles; tile != end; tile++, out += 4 * TILE) {
        u32_vector words[F32_VECTORS];
        keystream(cipher, tile, F32_VECTORS, words);
        UNROLL
        for (int v = 0; v < F32_VECTORS; v++)
            u32_write(out + 4 * U32_LANES * v, u32_little_endian(words[v]), nontemporal);
        if (!nontemporal)
            store_lines_of_tile(&own, FORMAT_UINT8);
    }
    if (!nontemporal)
        *lines = own;
}

INLINE void tiles_of_format(enum method method, enum format format, int nontemporal,
                            const struct cipher *cipher, const struct parameters *p, uint64_t tile,
                            size_t tiles, unsigned char *out, struct lines *lines)
{
    if (format == FORMAT_UINT8)
        bits_tiles(nontemporal, cipher, tile, tiles, out, lines);
    else if (formats[format].computation == FORMAT_FLOAT64)
        f64_tiles(method, format, nontemporal, cipher, p, tile, tiles, out, lines);
    else
        f32_tiles(method, format, nontemporal, cipher, p, tile, tiles, out, lines);
}

static void fill(tiles_function *write_tiles, enum format format, const struct parameters *p,
                 uint64_t first, size_t count, unsigned char *out, int nontemporal)
{
    const size_t size = formats[format].bytes, elements = tile_elements(format);
    struct cipher cipher;
    set_up_cipher(&cipher, p->round_keys);
    uint64_t tile = first / elements;
    size_t skip = first % elements;
    struct lines none = {0};
    while (count > 0) {
        if (skip == 0 && count >= elements) {
            const size_t tiles = count / elements, bytes = tiles * tile_bytes(format);
            if (!nontemporal || bytes < STAGING_BYTES) {
                write_tiles(&cipher, p, tile, tiles, out, &none);
            } else if (can_store_nontemporal(format) && (uintptr_t)out % LINE == 0) {
                write_tiles(&cipher, p, tile, tiles, out, NULL);
                nontemporal_fence();
            } else {
                stage_tiles(write_tiles, format, &cipher, p, tile, tiles, out);
            }
            tile += tiles;
            out += bytes;
            count -= tiles * elements;
        } else {
            unsigned char edge[TILE * sizeof(double)];
            const size_t part = count < elements - skip ? count : elements - skip;
            write_tiles(&cipher, p, tile++, 1, edge, &none);
            memcpy(out, edge + skip * size, part * size);
            out += part * size;
            count -= part;
            skip = 0;
        }
    }
}

/* clang-format off */
/* The functions of one method and format, which the compiler specialises. */
#define DEFINE_FILL(METHOD, method, FORMAT, format)                                                \
    static void method##_##format##_tiles(const struct cipher *cipher, const struct parameters *p, \
                                          uint64_t tile, size_t tiles, unsigned char *out,         \
                                          struct lines *lines)                                     \
    {                                                                                              \
        /* Copies, which the stores to `out` cannot alias, so that they stay in registers. */      \
        const struct cipher own_cipher = *cipher;                                                  \
        const struct parameters own = *p;                                                          \
        if (can_store_nontemporal(FORMAT_##FORMAT) && lines == NULL)                               \
            tiles_of_format(METHOD_##METHOD, FORMAT_##FORMAT, 1, &own_cipher, &own, tile, tiles,   \
                            out, lines);                                                           \
        else                                                                                       \
            tiles_of_format(METHOD_##METHOD, FORMAT_##FORMAT, 0, &own_cipher, &own, tile, tiles,   \
                            out, lines);                                                           \
    }                                                                                              \
    static void method##_##format(const struct parameters *p, uint64_t first, size_t count,        \
                                  void *out, int nontemporal)                                      \
    {                                                                                              \
        fill(method##_##format##_tiles, FORMAT_##FORMAT, p, first, count, out, nontemporal);       \
    }

/* Rows of the lists METHODS and FORMATS: first the functions, then the table of them. */
#define DEFINE_FORMAT(FORMAT, format, COMPUTATION, bytes, mantissa_bits, bias, largest, overflow,   \
                      nan, has_minus_zero, METHOD, method)                                         \
    DEFINE_FILL(METHOD, method, FORMAT, format)
#define DEFINE_METHOD(METHOD, method) FORMATS(DEFINE_FORMAT, METHOD, method)
METHODS(DEFINE_METHOD)
DEFINE_FILL(BITS, bits, UINT8, uint8)

#define FORMAT_ENTRY(FORMAT, format, COMPUTATION, bytes, mantissa_bits, bias, largest, overflow,    \
                     nan, has_minus_zero, method)                                                  \
    [FORMAT_##FORMAT] = method##_##format,
#define METHOD_ENTRY(METHOD, method) [METHOD_##METHOD] = {FORMATS(FORMAT_ENTRY, method)},
#define KERNELS(isa)                                                                               \
    {                                                                                              \
        .name = isa,                                                                               \
        .fill = {METHODS(METHOD_ENTRY)[METHOD_BITS] = {[FORMAT_UINT8] = bits_uint8}},              \
        .reflectors = {[FASTINIT_FLOAT64] = &f64_reflectors, [FASTINIT_FLOAT32] = &f32_reflectors}, \
        .copy_nontemporal = copy_nontemporal,                                                      \
        .nontemporal_fence = nontemporal_fence,                                                    \
    }
/* clang-format on */
