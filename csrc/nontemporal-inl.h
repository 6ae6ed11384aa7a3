/* Non-temporal stores of whole cache lines, by way of a staging buffer in the first-level cache. */

/* Whole lines in a staging buffer that are still to be stored. */
struct lines {
    const unsigned char *from, *end;
    unsigned char *to;
};

INLINE void store_next_line(struct lines *lines)
{
    if (lines->from != lines->end) {
        copy_line_nontemporal(lines->to, lines->from);
        lines->from += LINE;
        lines->to += LINE;
    }
}

/* Stores as many staged lines as a tile has: lines leave at the pace at which tiles are made. */
INLINE void store_lines_of_tile(struct lines *lines, enum format format)
{
    for (size_t bytes = 0; bytes < tile_bytes(format); bytes += LINE)
        store_next_line(lines);
}

/* Whether tiles can be stored non-temporally without staging: vectors then cover whole lines. */
INLINE int can_store_nontemporal(enum format format)
{
    return HAS_NONTEMPORAL_VECTORS && tile_bytes(format) >= LINE;
}

/* Writes whole tiles, one after another, to `out`, and stores staged lines at the same pace. With
   `lines` NULL the tiles themselves are stored non-temporally, if can_store_nontemporal; `out` is
   then aligned to a line. */
typedef void tiles_function(const struct cipher *cipher, const struct parameters *p, uint64_t tile,
                            size_t tiles, unsigned char *out, struct lines *lines);

#define STAGING_BYTES 8192

/* Writes tiles non-temporally, at any alignment. Tiles begin where the index says, lines where
   memory does: tiles go to a staging buffer, and while the next ones are made in the other buffer
   its lines go to memory. */
static void stage_tiles(tiles_function *write_tiles, enum format format,
                        const struct cipher *cipher, const struct parameters *p, uint64_t tile,
                        size_t tiles, unsigned char *out)
{
    _Alignas(LINE) unsigned char buffers[2][STAGING_BYTES + LINE];
    unsigned char *buffer = buffers[0], *other = buffers[1];
    const size_t lead = (uintptr_t)out % LINE;
    unsigned char *line = out - lead;
    size_t staged = lead;
    struct lines lines = {0};
    while (tiles > 0) {
        const size_t most = STAGING_BYTES / tile_bytes(format), count = tiles < most ? tiles : most;
        write_tiles(cipher, p, tile, count, buffer + staged, &lines);
        while (lines.from != lines.end)
            store_next_line(&lines);
        tile += count;
        tiles -= count;
        staged += count * tile_bytes(format);
        const size_t whole = staged / LINE * LINE;
        lines = (struct lines){buffer, buffer + whole, line};
        if (line < out) { /* the first line begins before the target */
            memcpy(out, buffer + lead, LINE - lead);
            lines.from += LINE;
            lines.to += LINE;
        }
        memcpy(other, buffer + whole, staged - whole);
        line += whole;
        staged -= whole;
        unsigned char *const swap = buffer;
        buffer = other;
        other = swap;
    }
    while (lines.from != lines.end)
        store_next_line(&lines);
    memcpy(line, buffer, staged);
    nontemporal_fence();
}

static void copy_nontemporal(unsigned char *out, const unsigned char *in, size_t bytes)
{
    const size_t lead = -(uintptr_t)out % LINE, head = lead < bytes ? lead : bytes;
    memcpy(out, in, head);
    for (bytes -= head, out += head, in += head; bytes >= LINE; bytes -= LINE) {
        copy_line_nontemporal(out, in);
        out += LINE;
        in += LINE;
    }
    memcpy(out, in, bytes);
}
