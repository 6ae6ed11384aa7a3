/* Tiles of one type of computation: keystream -> values -> stores. */

/* The next three functions handle a pair of vectors, v and v + VECTORS / 2 of a tile: all pointers
   are to vector v. */

/* Words to the logarithms from which values are made, for methods that need them. */
INLINE void F(take_logarithms)(enum method method, u32_vector *words, const struct parameters *p,
                               F(vector) * logarithms)
{
    switch (method) {
    case METHOD_NORMAL:
        logarithms[0] = F(squared_radius)(U(from_words)(words[0]));
        break;
    case METHOD_TRUNCATED_CENTRE:
        F(centre_logarithms)(words, p, logarithms);
        break;
    case METHOD_CONSTANT:
    case METHOD_UNIFORM:
    case METHOD_TRUNCATED:
    case METHOD_BITS:
        break;
    }
}

/* Logarithms to radii; other methods keep their logarithms. */
INLINE void F(take_roots)(enum method method, const F(vector) * logarithms,
                          const struct parameters *p, F(vector) * radii)
{
    switch (method) {
    case METHOD_NORMAL:
        radii[0] = F(radius)(logarithms[0], p);
        break;
    case METHOD_TRUNCATED_CENTRE:
        radii[0] = logarithms[0];
        radii[VECTORS / 2] = logarithms[VECTORS / 2];
        break;
    case METHOD_CONSTANT:
    case METHOD_UNIFORM:
    case METHOD_TRUNCATED:
    case METHOD_BITS:
        break;
    }
}

INLINE void F(make_pair)(enum method method, const u32_vector *words, const F(vector) * radii,
                         const struct parameters *p, F(vector) * values)
{
    const U(vector) first = U(from_words)(words[0]), second = U(from_words)(words[VECTORS / 2]);
    switch (method) {
    case METHOD_UNIFORM:
        values[0] = F(uniform)(first, p);
        values[VECTORS / 2] = F(uniform)(second, p);
        break;
    case METHOD_NORMAL:
        F(box_muller)(radii[0], second, p, values, values + VECTORS / 2);
        break;
    case METHOD_TRUNCATED_CENTRE:
        F(centre_values)(words, radii, p, values);
        break;
    case METHOD_CONSTANT:  /* constant_tiles */
    case METHOD_TRUNCATED: /* truncated_words, a tile at a time */
    case METHOD_BITS:      /* bits_tiles */
        break;
    }
}

INLINE void F(store_tile)(enum format format, unsigned char *out, const F(vector) * values,
                          int nontemporal)
{
    const size_t pair_bytes = tile_bytes(format) / (VECTORS / 2);
    UNROLL
    for (int v = 0; v < VECTORS / 2; v++, out += pair_bytes) {
        F(store_pair)(format, out, values[2 * v], values[2 * v + 1], nontemporal);
    }
}

INLINE void F(constant_tiles)(enum format format, int nontemporal, const struct parameters *p,
                              size_t tiles, unsigned char *out, struct lines *lines)
{
    struct lines own = nontemporal ? (struct lines){0} : *lines;
    F(vector) values[VECTORS];
    UNROLL
    for (int v = 0; v < VECTORS; v++)
        values[v] = F(set)((F(scalar))p->mean);
    for (; tiles > 0; tiles--, out += tile_bytes(format)) {
        F(store_tile)(format, out, values, nontemporal);
        if (!nontemporal)
            store_lines_of_tile(&own, format);
    }
    if (!nontemporal)
        *lines = own;
}

/* Three tiles are under way at a time: the keystream of one, the logarithms of the one before, the
   values of the one before that. Their chains of operations do not depend on each other, which
   keeps the execution units busy. */
INLINE void F(random_tiles)(enum method method, enum format format, int nontemporal,
                            const struct cipher *cipher, const struct parameters *p, uint64_t tile,
                            size_t tiles, unsigned char *out, struct lines *lines)
{
    u32_vector words[VECTORS], next[VECTORS], after[VECTORS];
    F(vector) values[VECTORS], logarithms[VECTORS], radii[VECTORS];
    struct lines own = nontemporal ? (struct lines){0} : *lines;
    keystream(cipher, tile, VECTORS, next);
    UNROLL
    for (int v = 0; v < VECTORS / 2; v++)
        F(take_logarithms)(method, next + v, p, logarithms + v);
    keystream(cipher, tile + 1, VECTORS, after);
    UNROLL
    for (int v = 0; v < VECTORS; v++)
        words[v] = next[v], next[v] = after[v];
    for (const uint64_t end = tile + tiles; tile != end; out += tile_bytes(format)) {
        UNROLL
        for (int v = 0; v < VECTORS / 2; v++)
            F(take_roots)(method, logarithms + v, p, radii + v);
        keystream(cipher, ++tile + 1, VECTORS, after);
        UNROLL
        for (int v = 0; v < VECTORS / 2; v++)
            F(take_logarithms)(method, next + v, p, logarithms + v);
        if (method == METHOD_TRUNCATED) {
            F(truncated_words)(words, p, values);
        } else {
            UNROLL
            for (int v = 0; v < VECTORS / 2; v++)
                F(make_pair)(method, words + v, radii + v, p, values + v);
        }
        F(store_tile)(format, out, values, nontemporal);
        if (!nontemporal)
            store_lines_of_tile(&own, format);
        UNROLL
        for (int v = 0; v < VECTORS; v++)
            words[v] = next[v], next[v] = after[v];
    }
    if (!nontemporal)
        *lines = own;
}

INLINE void F(tiles)(enum method method, enum format format, int nontemporal,
                     const struct cipher *cipher, const struct parameters *p, uint64_t tile,
                     size_t tiles, unsigned char *out, struct lines *lines)
{
    if (method == METHOD_CONSTANT)
        F(constant_tiles)(format, nontemporal, p, tiles, out, lines);
    else
        F(random_tiles)(method, format, nontemporal, cipher, p, tile, tiles, out, lines);
}
