/* Transposes a matrix of elements of 1, 2, 4 or 8 bytes, in squares of 16-byte vectors. */

#include <string.h>

#include "internal.h"

typedef uint8_t vector_1 __attribute__((vector_size(16)));
typedef uint16_t vector_2 __attribute__((vector_size(16)));
typedef uint32_t vector_4 __attribute__((vector_size(16)));
typedef uint64_t vector_8 __attribute__((vector_size(16)));

#ifdef __clang__
#define SHUFFLE(type, a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define SHUFFLE(type, a, b, ...) __builtin_shuffle(a, b, (type){__VA_ARGS__})
#endif

/* Interleaves the lanes of the lower (upper) halves of a and b. */
#define ZIP_LOW_1(a, b)                                                                            \
    SHUFFLE(vector_1, a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define ZIP_HIGH_1(a, b)                                                                           \
    SHUFFLE(vector_1, a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
#define ZIP_LOW_2(a, b) SHUFFLE(vector_2, a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define ZIP_HIGH_2(a, b) SHUFFLE(vector_2, a, b, 4, 12, 5, 13, 6, 14, 7, 15)
#define ZIP_LOW_4(a, b) SHUFFLE(vector_4, a, b, 0, 4, 1, 5)
#define ZIP_HIGH_4(a, b) SHUFFLE(vector_4, a, b, 2, 6, 3, 7)
#define ZIP_LOW_8(a, b) SHUFFLE(vector_8, a, b, 0, 2)
#define ZIP_HIGH_8(a, b) SHUFFLE(vector_8, a, b, 1, 3)

/* transpose_square_SIZE transposes SIDE x SIDE elements: each round of zips is a perfect shuffle,
   and log2(SIDE) rounds transpose the square. */
#define DEFINE_TRANSPOSE(size)                                                                     \
    static inline void transpose_square_##size(unsigned char *out, int64_t out_stride,             \
                                               const unsigned char *in, int64_t in_stride)         \
    {                                                                                              \
        enum { SIDE = 16 / size };                                                                 \
        vector_##size block[SIDE], zipped[SIDE];                                                   \
        for (int i = 0; i < SIDE; i++)                                                             \
            memcpy(&block[i], in + i * in_stride, 16);                                             \
        for (int round = 1; round < SIDE; round *= 2) {                                            \
            for (int i = 0; i < SIDE / 2; i++) {                                                   \
                zipped[2 * i] = ZIP_LOW_##size(block[i], block[i + SIDE / 2]);                     \
                zipped[2 * i + 1] = ZIP_HIGH_##size(block[i], block[i + SIDE / 2]);                \
            }                                                                                      \
            memcpy(block, zipped, sizeof block);                                                   \
        }                                                                                          \
        for (int i = 0; i < SIDE; i++)                                                             \
            memcpy(out + i * out_stride, &block[i], 16);                                           \
    }                                                                                              \
    static void transpose_##size(unsigned char *out, int64_t out_stride, const unsigned char *in,  \
                                 int64_t in_stride, int64_t rows, int64_t columns)                 \
    {                                                                                              \
        enum { SIDE = 16 / size };                                                                 \
        const int64_t whole = columns - columns % SIDE;                                            \
        int64_t row = 0;                                                                           \
        for (; row + SIDE <= rows; row += SIDE)                                                    \
            for (int64_t column = 0; column < whole; column += SIDE)                               \
                transpose_square_##size(out + column * out_stride + row * size, out_stride,        \
                                        in + row * in_stride + column * size, in_stride);          \
        for (int64_t i = 0; i < rows; i++)                                                         \
            for (int64_t column = i < row ? whole : 0; column < columns; column++)                 \
                memcpy(out + column * out_stride + i * size, in + i * in_stride + column * size,   \
                       size);                                                                      \
    }

DEFINE_TRANSPOSE(1)
DEFINE_TRANSPOSE(2)
DEFINE_TRANSPOSE(4)
DEFINE_TRANSPOSE(8)

void transpose(unsigned char *out, int64_t out_stride, const unsigned char *in, int64_t in_stride,
               int64_t rows, int64_t columns, size_t size)
{
    if (size == 8)
        transpose_8(out, out_stride, in, in_stride, rows, columns);
    else if (size == 4)
        transpose_4(out, out_stride, in, in_stride, rows, columns);
    else if (size == 2)
        transpose_2(out, out_stride, in, in_stride, rows, columns);
    else
        transpose_1(out, out_stride, in, in_stride, rows, columns);
}
