/* Cuts targets into boxes, and finds a box by its number. */

#include "boxes.h"

/* A contiguous run of fewer elements is not worth a kernel call of its own, if the next run follows
   in the logical tensor, so that scratch takes several in one call. */
#define SHORT_RUN 256

/* Drops axes of length one, and merges neighbours that are one longer axis both in memory and in
   the logical tensor. */
static void merge_axes(struct boxes *boxes)
{
    int kept = 0;
    for (int axis = 0; axis < boxes->dimensions; axis++) {
        const int64_t n = boxes->shape[axis];
        const int64_t stride = boxes->strides[axis], logical = boxes->logical_strides[axis];
        if (n == 1)
            continue;
        if (kept > 0 && boxes->strides[kept - 1] == stride * n &&
            boxes->logical_strides[kept - 1] == logical * n) {
            boxes->shape[kept - 1] *= n;
        } else {
            boxes->shape[kept] = n;
            kept++;
        }
        boxes->strides[kept - 1] = stride;
        boxes->logical_strides[kept - 1] = logical;
    }
    if (kept == 0) {
        boxes->shape[0] = 1;
        boxes->strides[0] = (int64_t)boxes->item_size;
        boxes->logical_strides[0] = 1;
        kept = 1;
    }
    boxes->dimensions = kept;
}

static void sort_by_stride(struct boxes *boxes)
{
    int *const order = boxes->order;
    for (int i = 0; i < boxes->dimensions; i++) {
        const int64_t distance = magnitude(boxes->strides[i]);
        int j = i;
        for (; j > 0 && magnitude(boxes->strides[order[j - 1]]) >= distance; j--)
            order[j] = order[j - 1];
        order[j] = i;
    }
}

int64_t scratch_step(const struct boxes *boxes)
{
    const int64_t step = boxes->logical_strides[boxes->dimensions - 1];
    return step > 0 && step <= TILE ? step : 1;
}

/* Lengthens a box of `elements` along `axis` until it has `wanted` elements or the axis ends;
   returns how many it has. */
static int64_t lengthen(struct boxes *boxes, int axis, int64_t elements, int64_t wanted)
{
    const int64_t others = elements / boxes->extents[axis];
    const int64_t extent = smaller(boxes->shape[axis], divide_up(wanted, others));
    if (extent > boxes->extents[axis])
        boxes->extents[axis] = extent;
    return others * boxes->extents[axis];
}

/* Sets the extents of a box that is made in scratch; returns its elements. Runs of the logical
   tensor come first, long enough to generate, then runs of memory, long enough to write, then
   whatever else fits. */
static int64_t choose_scratch_extents(struct boxes *boxes)
{
    enum { LONG_ENOUGH_TO_GENERATE = 4 * TILE, LONG_ENOUGH_TO_WRITE = 64 };
    const int last = boxes->dimensions - 1;
    const int64_t capacity = SCRATCH_BYTES / (int64_t)boxes->item_size / scratch_step(boxes);
    const int64_t run = smaller(LONG_ENOUGH_TO_GENERATE, capacity / 2);
    int64_t elements = 1, written = 1;
    for (int axis = last; axis >= 0 && elements < run; axis--)
        elements = lengthen(boxes, axis, elements, run);
    for (int i = 0; i <= last && written < LONG_ENOUGH_TO_WRITE; i++) {
        const int axis = boxes->order[i];
        const int64_t others = elements / boxes->extents[axis];
        const int64_t wanted =
            smaller(divide_up(LONG_ENOUGH_TO_WRITE, written) * others, capacity / 2);
        elements = lengthen(boxes, axis, elements, wanted);
        written *= boxes->extents[axis];
    }
    for (int axis = last; axis >= 0 && elements <= capacity / 2; axis--)
        elements = lengthen(boxes, axis, elements, capacity / 2);
    return elements;
}

/* Boxes that are whole cache lines long begin with a line, and those that are a huge page long with
   a huge page: the first box is shorter by the elements that precede the target. */
static int64_t find_lead(const struct boxes *boxes)
{
    const int inner = boxes->order[0];
    const int64_t stride = boxes->strides[inner], size = (int64_t)boxes->item_size;
    const int64_t bytes = boxes->extents[inner] * size;
    if (magnitude(stride) != size || bytes % LINE != 0)
        return 0;
    const uint64_t alignment = bytes == WORK_UNIT_BYTES ? (uint64_t)WORK_UNIT_BYTES : LINE;
    const uint64_t start = (uintptr_t)boxes->data;
    const uint64_t end = start + boxes->item_size;
    return (int64_t)((stride < 0 ? -end : start) % alignment / boxes->item_size);
}

/* Returns how many boxes there are along axis order[i]. */
static int64_t count_along(const struct boxes *boxes, int i)
{
    const int axis = boxes->order[i];
    return divide_up(boxes->shape[axis] + (i == 0 ? boxes->lead : 0), boxes->extents[axis]);
}

void cut_into_boxes(const fastinit_fill *fill, int64_t work_unit_bytes, struct boxes *boxes)
{
    boxes->data = fill->data;
    boxes->first = fill->first;
    boxes->item_size = formats[fill->dtype].bytes;
    boxes->dimensions = fill->dimensions;
    boxes->elements = 1;
    for (int axis = 0; axis < fill->dimensions; axis++) {
        boxes->shape[axis] = fill->shape[axis];
        boxes->strides[axis] = fill->strides[axis];
        boxes->logical_strides[axis] = fill->logical_strides[axis];
        boxes->elements *= fill->shape[axis];
    }
    if (boxes->elements == 0) {
        boxes->count = 0;
        boxes->per_work_unit = 1;
        return;
    }
    merge_axes(boxes);
    sort_by_stride(boxes);
    const int last = boxes->dimensions - 1;
    for (int axis = 0; axis <= last; axis++)
        boxes->extents[axis] = 1;
    const int64_t size = (int64_t)boxes->item_size, work_unit = work_unit_bytes / size;
    const int is_run = boxes->strides[last] == size && boxes->logical_strides[last] == 1;
    const int run_continues = last > 0 && boxes->logical_strides[last - 1] == boxes->shape[last];
    boxes->is_direct = is_run && !(run_continues && boxes->shape[last] < SHORT_RUN);
    const int64_t elements =
        boxes->is_direct ? lengthen(boxes, last, 1, work_unit) : choose_scratch_extents(boxes);
    boxes->lead = find_lead(boxes);
    boxes->count = 1;
    for (int i = 0; i <= last; i++)
        boxes->count *= count_along(boxes, i);
    boxes->per_work_unit = divide_up(work_unit, elements);
}

void find_box(const struct boxes *boxes, int64_t number, struct box *box)
{
    box->data = boxes->data;
    box->first = boxes->first;
    box->elements = 1;
    for (int i = 0; i < boxes->dimensions; i++) {
        const int axis = boxes->order[i];
        const int64_t count = count_along(boxes, i), lead = i == 0 ? boxes->lead : 0;
        const int64_t from = number % count * boxes->extents[axis] - lead;
        const int64_t start = from > 0 ? from : 0;
        box->extents[axis] = smaller(from + boxes->extents[axis], boxes->shape[axis]) - start;
        box->elements *= box->extents[axis];
        box->data += start * boxes->strides[axis];
        box->first += (uint64_t)(start * boxes->logical_strides[axis]);
        number /= count;
    }
}
