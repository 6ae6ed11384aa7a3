/* Householder reflectors for one type of computation: orthogonal matrices by Stewart's method (SIAM
   J. Numer. Anal. 17, 1980). The reflector I - 2 v v'/v'v, v = x + sign(x[k]) |x| e[k], takes a
   vector x of normal values that is zero before k to a multiple of e[k]; the product of all, each
   with its sign, is uniform among the orthogonal matrices. BLOCK of them are applied at once, as
   I - V T V' (compact WY): V has them as columns, T is upper triangular, and its inverse is V'V
   above the diagonal and half of V'V on it.

   Blocks and panels are BLOCK columns wide, row-major, without gaps. Every sum runs in the order of
   its index, so that no vector's length can change it. */

#define WIDTH (U32_LANES * 32 / BITS)
/* Rows of V'P that are summed before they are added to the whole: they stay in the first-level
   cache, and the sum is more exact. */
#define CHUNK (2048 / BITS)

INLINE void F(add_to)(F(scalar) * out, F(vector) x)
{
    F(store)(out, F(add)(F(load)(out), x));
}

/* out += x y for four rows of out, and as many columns as PRODUCT_VECTORS have. */
INLINE void F(add_product_tile)(const F(scalar) * x, int64_t x_row, int64_t x_column,
                                const F(scalar) * y, int64_t depth, F(scalar) * out)
{
    F(vector) sum[4][PRODUCT_VECTORS];
#define CLEAR(v) sum[0][v] = sum[1][v] = sum[2][v] = sum[3][v] = F(set)(0);
#define MULTIPLY(v)                                                                                \
    right = F(load)(y + (v)*WIDTH);                                                                \
    sum[0][v] = F(fma)(left_0, right, sum[0][v]);                                                  \
    sum[1][v] = F(fma)(left_1, right, sum[1][v]);                                                  \
    sum[2][v] = F(fma)(left_2, right, sum[2][v]);                                                  \
    sum[3][v] = F(fma)(left_3, right, sum[3][v]);
#define ADD(v)                                                                                     \
    F(add_to)(out + (v)*WIDTH, sum[0][v]);                                                         \
    F(add_to)(out + (v)*WIDTH + BLOCK, sum[1][v]);                                                 \
    F(add_to)(out + (v)*WIDTH + BLOCK * 2, sum[2][v]);                                             \
    F(add_to)(out + (v)*WIDTH + BLOCK * 3, sum[3][v]);
    REPEAT(PRODUCT_VECTORS, CLEAR)
    for (int64_t k = 0; k < depth; k++, x += x_column, y += BLOCK) {
        const F(vector) left_0 = F(set)(x[0]), left_1 = F(set)(x[x_row]);
        const F(vector) left_2 = F(set)(x[2 * x_row]), left_3 = F(set)(x[3 * x_row]);
        F(vector) right;
        REPEAT(PRODUCT_VECTORS, MULTIPLY)
    }
    REPEAT(PRODUCT_VECTORS, ADD)
#undef CLEAR
#undef MULTIPLY
#undef ADD
}

/* out += x y, where y and out have BLOCK columns, y `depth` rows; element (i, k) of x lies at
   x[i * x_row + k * x_column]. */
INLINE void F(add_product)(const F(scalar) * x, int64_t x_row, int64_t x_column,
                           const F(scalar) * y, int64_t rows, int64_t depth, F(scalar) * out)
{
    for (int64_t row = 0; row < rows; row += 4)
        for (int column = 0; column < BLOCK; column += PRODUCT_VECTORS * WIDTH)
            F(add_product_tile)
    (x + row * x_row, x_row, x_column, y + column, depth, out + row * BLOCK + column);
}

/* out = x'y for x and y of BLOCK columns. The next chunk of x comes from far, and in steps of a row
   at that: asked for early, a little at a time. */
static void F(inner_products)(const F(scalar) * x, const F(scalar) * y, int64_t rows,
                              F(scalar) * out)
{
    enum { CHUNK_ELEMENTS = CHUNK * BLOCK, LINE_ELEMENTS = 512 / BITS };
    memset(out, 0, BLOCK * BLOCK * sizeof *out);
    for (; rows > 0; rows -= CHUNK, x += CHUNK_ELEMENTS, y += CHUNK_ELEMENTS) {
        const int64_t depth = rows < CHUNK ? rows : CHUNK;
        for (int row = 0; row < BLOCK; row += 4) {
            const F(scalar) *const next = x + (rows > CHUNK ? CHUNK_ELEMENTS + row * CHUNK : 0);
            for (int i = 0; i < 4 * CHUNK; i += LINE_ELEMENTS)
                __builtin_prefetch(next + i);
            F(add_product)(x + row, 1, BLOCK, y, 4, depth, out + row * BLOCK);
        }
    }
}

/* out += x y for x and y of BLOCK columns. */
static void F(combine)(const F(scalar) * x, const F(scalar) * y, int64_t rows, F(scalar) * out)
{
    F(add_product)(x, BLOCK, 1, y, rows, BLOCK, out);
}

INLINE F(scalar) F(square_root)(F(scalar) x)
{
    F(scalar) lanes[WIDTH];
    F(store)(lanes, F(sqrt)(F(set)(x)));
    return lanes[0];
}

/* x = -(the inverse of u), both upper triangular: u x = -1 from the last row up. */
static void F(negated_inverse)(const F(scalar) * u, F(scalar) * x)
{
    memset(x, 0, BLOCK * BLOCK * sizeof *x);
    for (int row = BLOCK - 1; row >= 0; row--) {
        F(scalar) *const out = x + row * BLOCK;
        const F(vector) reciprocal = F(set)(1 / u[row * BLOCK + row]);
        out[row] = -1;
        for (int column = 0; column < BLOCK; column += WIDTH) {
            F(vector) sum = F(set)(0);
            for (int k = row + 1; k < BLOCK; k++)
                sum = F(fma)(F(set)(u[row * BLOCK + k]), F(load)(x + k * BLOCK + column), sum);
            F(store)(out + column, F(mul)(F(sub)(F(load)(out + column), sum), reciprocal));
        }
    }
}

/* The products of the v follow from those of the x, v[k] = x[k] + shift[k] e[k], since every x[k]
   is zero before k: for j < k, v[j]'v[k] = x[j]'x[k] + shift[k] x[j][k]; and half of v[k]'v[k] is
   x[k]'x[k] + shift[k] x[k][k]. */
static void F(make_reflectors)(void *block, int64_t rows, int64_t columns, void *factor,
                               void *signs)
{
    F(scalar) *const v = block, *const sign = signs;
    _Alignas(64) F(scalar) inverse[BLOCK * BLOCK];
    for (int64_t row = 0; row < rows; row++) {
        const int64_t kept = row < columns ? row + 1 : columns;
        memset(v + row * BLOCK + kept, 0, (size_t)(BLOCK - kept) * sizeof *v);
    }
    memset(v + rows * BLOCK, 0, (size_t)((padded_rows(rows) - rows) * BLOCK) * sizeof *v);
    F(inner_products)(v, v, padded_rows(rows), inverse);
    memset(sign, 0, BLOCK * sizeof *sign);
    for (int64_t k = 0; k < columns; k++) {
        F(scalar) *const x = v + k * BLOCK;
        if (k == rows - 1) { /* a vector of one component is its sign: no reflector */
            sign[k] = x[k] < 0 ? -1 : 1;
            x[k] = 0;
            continue;
        }
        const F(scalar) norm = F(square_root)(inverse[k * BLOCK + k]);
        const F(scalar) shift = x[k] < 0 ? -norm : norm;
        for (int64_t j = 0; j <= k; j++) {
            /* A variable: some machines keep float in double within an expression. */
            const F(scalar) product = shift * x[j];
            inverse[j * BLOCK + k] += product;
        }
        sign[k] = x[k] < 0 ? 1 : -1;
        x[k] += shift;
    }
    for (int k = 0; k < BLOCK; k++)
        if (inverse[k * BLOCK + k] == 0) /* no vector: any number will do */
            inverse[k * BLOCK + k] = 1;
    F(negated_inverse)(inverse, factor);
}

static void F(start_panel)(void *panel, int64_t rows, int64_t first, const void *signs)
{
    F(scalar) *const p = panel;
    const F(scalar) *const sign = signs;
    memset(p, 0, (size_t)(padded_rows(rows) * BLOCK) * sizeof *p);
    for (int64_t k = 0; k < BLOCK && first + k < rows; k++)
        p[(first + k) * BLOCK + k] = sign[k];
}

static void F(apply_reflectors)(const void *block, const void *factor, int64_t rows, void *panel)
{
    _Alignas(64) F(scalar) products[BLOCK * BLOCK], weights[BLOCK * BLOCK] = {0};
    F(inner_products)(block, panel, padded_rows(rows), products);
    F(combine)(factor, products, BLOCK, weights);
    F(combine)(block, weights, padded_rows(rows), panel);
}

/* By few rows at a time, since the target may be the transpose. */
static void F(write_panel)(const void *panel, int64_t rows, int64_t columns, double gain,
                           unsigned char *out, int64_t row_stride, int64_t column_stride)
{
    enum { STRIPE = 16 };
    const F(scalar) *const p = panel;
    const F(vector) factor = F(set)((F(scalar))gain);
    for (int64_t first = 0; first < rows; first += STRIPE) {
        const int64_t count = rows - first < STRIPE ? rows - first : STRIPE;
        F(scalar) scaled[STRIPE * BLOCK];
        for (int64_t i = 0; i < count * BLOCK; i += WIDTH)
            F(store)(scaled + i, F(mul)(F(load)(p + first * BLOCK + i), factor));
        unsigned char *const line = out + first * row_stride;
        if (column_stride == sizeof *scaled) {
            for (int64_t row = 0; row < count; row++)
                memcpy(line + row * row_stride, scaled + row * BLOCK,
                       (size_t)columns * sizeof *scaled);
        } else {
            for (int64_t column = 0; column < columns; column++)
                for (int64_t row = 0; row < count; row++)
                    memcpy(line + row * row_stride + column * column_stride,
                           scaled + row * BLOCK + column, sizeof *scaled);
        }
    }
}

static const struct reflectors F(reflectors) = {
    .make = F(make_reflectors),
    .start = F(start_panel),
    .apply = F(apply_reflectors),
    .write = F(write_panel),
};

#undef WIDTH
#undef CHUNK
