/* The geometry of a fill: a target, which may be any strided part of a logical tensor, is cut into
   boxes by position alone, and boxes are filled one by one. */
#ifndef FASTINIT_BOXES_H
#define FASTINIT_BOXES_H

#include "internal.h"

/* The scratch buffer of a thread, in which targets that are not contiguous are made. */
#define SCRATCH_BYTES (32 * 1024)

/* Target bytes that one thread takes at a time, some 50 to 200 us of work; also a huge page, which
   two threads should not touch first. tests/c/fuzz lowers it. */
#ifndef WORK_UNIT_BYTES
#define WORK_UNIT_BYTES ((int64_t)2 << 20)
#endif

/* A target and how it is cut. Axes are those of the target after merging: at least one. */
struct boxes {
    unsigned char *data;
    uint64_t first; /* logical index of the element at `data` */
    size_t item_size;
    int dimensions;
    int64_t shape[FASTINIT_MAX_DIMENSIONS];
    int64_t strides[FASTINIT_MAX_DIMENSIONS]; /* bytes */
    int64_t logical_strides[FASTINIT_MAX_DIMENSIONS];
    int64_t extents[FASTINIT_MAX_DIMENSIONS]; /* of a box */
    int order[FASTINIT_MAX_DIMENSIONS];       /* axes, the smallest stride first */
    int64_t lead; /* elements of the first cache line or huge page that precede the target */
    int64_t elements, count, per_work_unit;
    int is_direct; /* a box is contiguous, and filled without scratch */
};

struct box {
    unsigned char *data;
    uint64_t first;
    int64_t elements;
    int64_t extents[FASTINIT_MAX_DIMENSIONS];
};

static inline int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t magnitude(int64_t stride)
{
    return stride < 0 ? -stride : stride;
}

static inline int64_t divide_up(int64_t n, int64_t divisor)
{
    return n / divisor + (n % divisor != 0);
}

/* Advances `index` in row-major order over the first `axes` axes; returns 0 after the last. */
static inline int advance(int64_t index[], const int64_t extents[], int axes)
{
    for (int axis = axes - 1; axis >= 0; axis--) {
        if (++index[axis] < extents[axis])
            return 1;
        index[axis] = 0;
    }
    return 0;
}

/* Cuts the target of a fill; a work unit has about `work_unit_bytes`. */
void cut_into_boxes(const fastinit_fill *fill, int64_t work_unit_bytes, struct boxes *boxes);

/* Finds box number `number`, counted along memory. */
void find_box(const struct boxes *boxes, int64_t number, struct box *box);

/* Returns how many elements of scratch lie between neighbours of the last axis. Slices with a step
   are generated whole, and every step-th element is copied, unless steps are longer than a tile. */
int64_t scratch_step(const struct boxes *boxes);

/* Fills a box by way of `scratch`, of SCRATCH_BYTES and aligned to a line. */
void fill_scattered(const struct boxes *boxes, const struct box *box, fill_function *fill,
                    const struct parameters *parameters, const struct kernels *kernels,
                    int nontemporal, unsigned char *scratch);

#endif
