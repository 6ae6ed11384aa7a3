/* Householder reflectors for one type of computation: orthogonal matrices by Stewart's method (SIAM
   J. Numer. Anal. 17, 1980). The reflector I - 2 v v'/v'v, v = x + sign(x[k]) |x| e[k], takes a
   vector x of normal values that is zero before k to a multiple of e[k]; the product of all, each
   with its sign, is uniform among the orthogonal matrices. A block reflector applies PANEL_COLUMNS
   of them at once, as I - V T V' (compact WY): V has them as columns, T is upper triangular, and
   its inverse is V'V above the diagonal and half of V'V on it.

   Block reflectors and panels are PANEL_COLUMNS columns wide, row-major, without gaps. Every sum
   runs in the order of its index, so that no vector's length can change it. */

#define WIDTH (U32_LANES * 32 / BITS)
/* Rows of V'P (P the panel) that are summed apart, then added to the whole: they stay in the
   first-level cache, and the sum is more exact. */
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
    UNROLL
    for (int v = 0; v < PRODUCT_VECTORS; v++)
        sum[0][v] = sum[1][v] = sum[2][v] = sum[3][v] = F(set)(0);
    for (int64_t k = 0; k < depth; k++, x += x_column, y += PANEL_COLUMNS) {
        const F(vector) left_0 = F(set)(x[0]), left_1 = F(set)(x[x_row]);
        const F(vector) left_2 = F(set)(x[2 * x_row]), left_3 = F(set)(x[3 * x_row]);
        UNROLL
        for (int v = 0; v < PRODUCT_VECTORS; v++) {
            const F(vector) right = F(load)(y + v * WIDTH);
            sum[0][v] = F(fma)(left_0, right, sum[0][v]);
            sum[1][v] = F(fma)(left_1, right, sum[1][v]);
            sum[2][v] = F(fma)(left_2, right, sum[2][v]);
            sum[3][v] = F(fma)(left_3, right, sum[3][v]);
        }
    }
    UNROLL
    for (int v = 0; v < PRODUCT_VECTORS; v++) {
        F(add_to)(out + v * WIDTH, sum[0][v]);
        F(add_to)(out + v * WIDTH + PANEL_COLUMNS, sum[1][v]);
        F(add_to)(out + v * WIDTH + PANEL_COLUMNS * 2, sum[2][v]);
        F(add_to)(out + v * WIDTH + PANEL_COLUMNS * 3, sum[3][v]);
    }
}

/* out += x y, where y and out have PANEL_COLUMNS columns, y `depth` rows; element (i, k) of x lies
   at x[i * x_row + k * x_column]. */
INLINE void F(add_product)(const F(scalar) * x, int64_t x_row, int64_t x_column,
                           const F(scalar) * y, int64_t rows, int64_t depth, F(scalar) * out)
{
    for (int64_t row = 0; row < rows; row += 4, x += 4 * x_row, out += 4 * PANEL_COLUMNS)
        for (int column = 0; column < PANEL_COLUMNS; column += PRODUCT_VECTORS * WIDTH) {
            F(add_product_tile)(x, x_row, x_column, y + column, depth, out + column);
        }
}

/* out = x'y for x and y of PANEL_COLUMNS columns. Prefetches the next chunk of x a little at a
   time: it comes from the third-level cache, in steps of a row. */
static void F(inner_products)(const F(scalar) * x, const F(scalar) * y, int64_t rows,
                              F(scalar) * out)
{
    enum { CHUNK_ELEMENTS = CHUNK * PANEL_COLUMNS, LINE_ELEMENTS = 512 / BITS };
    memset(out, 0, PANEL_COLUMNS * PANEL_COLUMNS * sizeof *out);
    for (; rows > 0; rows -= CHUNK, x += CHUNK_ELEMENTS, y += CHUNK_ELEMENTS) {
        const int64_t depth = rows < CHUNK ? rows : CHUNK;
        for (int row = 0; row < PANEL_COLUMNS; row += 4) {
            const F(scalar) *const next = x + (rows > CHUNK ? CHUNK_ELEMENTS + row * CHUNK : 0);
            for (int i = 0; i < 4 * CHUNK; i += LINE_ELEMENTS)
                __builtin_prefetch(next + i);
            F(add_product)(x + row, 1, PANEL_COLUMNS, y, 4, depth, out + row * PANEL_COLUMNS);
        }
    }
}

/* out += x y for x and y of PANEL_COLUMNS columns. */
static void F(combine)(const F(scalar) * x, const F(scalar) * y, int64_t rows, F(scalar) * out)
{
    F(add_product)(x, PANEL_COLUMNS, 1, y, rows, PANEL_COLUMNS, out);
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
    memset(x, 0, PANEL_COLUMNS * PANEL_COLUMNS * sizeof *x);
    for (int row = PANEL_COLUMNS - 1; row >= 0; row--) {
        F(scalar) *const out = x + row * PANEL_COLUMNS;
        const F(vector) reciprocal = F(set)(1 / u[row * PANEL_COLUMNS + row]);
        out[row] = -1;
        for (int column = 0; column < PANEL_COLUMNS; column += WIDTH) {
            F(vector) sum = F(set)(0);
            for (int k = row + 1; k < PANEL_COLUMNS; k++)
                sum = F(fma)(F(set)(u[row * PANEL_COLUMNS + k]),
                             F(load)(x + k * PANEL_COLUMNS + column), sum);
            F(store)(out + column, F(mul)(F(sub)(F(load)(out + column), sum), reciprocal));
        }
    }
}

/* The products of the v follow from those of the x, v[k] = x[k] + shift[k] e[k], since every x[k]
   is zero before k: for j < k, v[j]'v[k] = x[j]'x[k] + shift[k] x[j][k]; and half of v[k]'v[k] is
   x[k]'x[k] + shift[k] x[k][k]. */
static void F(make_reflectors)(void *reflector, int64_t rows, int64_t columns, void *factor,
                               void *signs)
{
    F(scalar) *const v = reflector, *const sign = signs;
    _Alignas(64) F(scalar) inverse[PANEL_COLUMNS * PANEL_COLUMNS];
    for (int64_t row = 0; row < rows; row++) {
        const int64_t kept = row < columns ? row + 1 : columns;
        memset(v + row * PANEL_COLUMNS + kept, 0, (size_t)(PANEL_COLUMNS - kept) * sizeof *v);
    }
    memset(v + rows * PANEL_COLUMNS, 0,
           (size_t)((padded_rows(rows) - rows) * PANEL_COLUMNS) * sizeof *v);
    F(inner_products)(v, v, padded_rows(rows), inverse);
    memset(sign, 0, PANEL_COLUMNS * sizeof *sign);
    for (int64_t k = 0; k < columns; k++) {
        F(scalar) *const x = v + k * PANEL_COLUMNS;
        if (k == rows - 1) { /* a vector of one component is its sign: no reflector */
            sign[k] = x[k] < 0 ? -1 : 1;
            x[k] = 0;
            continue;
        }
        const F(scalar) norm = F(square_root)(inverse[k * PANEL_COLUMNS + k]);
        const F(scalar) shift = x[k] < 0 ? -norm : norm;
        for (int64_t j = 0; j <= k; j++) {
            /* Assigned, which rounds: some machines evaluate float expressions in double. */
            const F(scalar) product = shift * x[j];
            inverse[j * PANEL_COLUMNS + k] += product;
        }
        sign[k] = x[k] < 0 ? 1 : -1;
        x[k] += shift;
    }
    for (int k = 0; k < PANEL_COLUMNS; k++)
        if (inverse[k * PANEL_COLUMNS + k] == 0) /* no reflector: any divisor but 0 will do */
            inverse[k * PANEL_COLUMNS + k] = 1;
    F(negated_inverse)(inverse, factor);
}

static void F(start_panel)(void *panel, int64_t rows, int64_t first, const void *signs)
{
    F(scalar) *const p = panel;
    const F(scalar) *const sign = signs;
    memset(p, 0, (size_t)(padded_rows(rows) * PANEL_COLUMNS) * sizeof *p);
    for (int64_t k = 0; k < PANEL_COLUMNS && first + k < rows; k++)
        p[(first + k) * PANEL_COLUMNS + k] = sign[k];
}

static void F(apply_reflectors)(const void *reflector, const void *factor, int64_t rows,
                                void *panel)
{
    _Alignas(64) F(scalar) products[PANEL_COLUMNS * PANEL_COLUMNS],
        weights[PANEL_COLUMNS * PANEL_COLUMNS] = {0};
    F(inner_products)(reflector, panel, padded_rows(rows), products);
    F(combine)(factor, products, PANEL_COLUMNS, weights);
    F(combine)(reflector, weights, padded_rows(rows), panel);
}

/* A few rows at a time, since the target may be the transpose. */
static void F(write_panel)(const void *panel, int64_t rows, int64_t columns, double gain,
                           unsigned char *out, int64_t row_stride, int64_t column_stride)
{
    enum { STRIPE = 16 };
    const F(scalar) *const p = panel;
    const F(vector) factor = F(set)((F(scalar))gain);
    for (int64_t first = 0; first < rows; first += STRIPE) {
        const int64_t count = rows - first < STRIPE ? rows - first : STRIPE;
        F(scalar) scaled[STRIPE * PANEL_COLUMNS];
        for (int64_t i = 0; i < count * PANEL_COLUMNS; i += WIDTH)
            F(store)(scaled + i, F(mul)(F(load)(p + first * PANEL_COLUMNS + i), factor));
        unsigned char *const line = out + first * row_stride;
        if (column_stride == sizeof *scaled) {
            for (int64_t row = 0; row < count; row++)
                memcpy(line + row * row_stride, scaled + row * PANEL_COLUMNS,
                       (size_t)columns * sizeof *scaled);
        } else {
            for (int64_t column = 0; column < columns; column++)
                for (int64_t row = 0; row < count; row++)
                    memcpy(line + row * row_stride + column * column_stride,
                           scaled + row * PANEL_COLUMNS + column, sizeof *scaled);
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
