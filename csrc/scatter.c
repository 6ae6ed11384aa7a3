/* Fills boxes that are not contiguous: generates the values in scratch, in runs of the logical
   tensor, and copies them in the order of the target's memory. */

#include <string.h>

#include "boxes.h"

/* Bytes staged before each burst of non-temporal stores. */
#define STAGING_BYTES (8 * 1024)

/* Generates a box in scratch, in row-major order, by runs as long as the logical tensor allows;
   sets the strides (bytes) of the box in scratch. */
static void generate(const struct boxes *boxes, const struct box *box, fill_function *fill,
                     const struct parameters *parameters, unsigned char *scratch,
                     int64_t scratch_strides[])
{
    const int last = boxes->dimensions - 1;
    const int64_t *const extents = box->extents;
    const int64_t step = scratch_step(boxes);
    const int last_is_run = boxes->logical_strides[last] == step;
    int64_t run = last_is_run ? (extents[last] - 1) * step + 1 : 1;
    int outer = last_is_run ? last : last + 1; /* axes to loop over */
    if (step == 1)
        for (; outer > 0 && boxes->logical_strides[outer - 1] == run; outer--)
            run *= extents[outer - 1];
    int64_t stride = (int64_t)boxes->item_size * step;
    for (int axis = last; axis >= 0; axis--) {
        scratch_strides[axis] = stride;
        stride *= extents[axis];
    }
    const int64_t run_stride = outer > 0 ? scratch_strides[outer - 1] : stride;
    int64_t index[FASTINIT_MAX_DIMENSIONS + 1] = {0};
    do {
        uint64_t logical = box->first;
        for (int axis = 0; axis < outer; axis++)
            logical += (uint64_t)(index[axis] * boxes->logical_strides[axis]);
        fill(parameters, logical, (size_t)run, scratch, 0);
        scratch += run_stride;
    } while (advance(index, extents, outer));
}

/* Inline, so that `size` is a constant in each loop. */
static inline void copy_elements_of(size_t size, unsigned char *out, int64_t out_stride,
                                    const unsigned char *in, int64_t in_stride, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        memcpy(out + i * out_stride, in + i * in_stride, size);
}

static void copy_elements(size_t size, unsigned char *out, int64_t out_stride,
                          const unsigned char *in, int64_t in_stride, int64_t count)
{
    if (size == 8)
        copy_elements_of(8, out, out_stride, in, in_stride, count);
    else if (size == 4)
        copy_elements_of(4, out, out_stride, in, in_stride, count);
    else if (size == 2)
        copy_elements_of(2, out, out_stride, in, in_stride, count);
    else
        copy_elements_of(1, out, out_stride, in, in_stride, count);
}

/* transpose() with non-temporal stores, by way of a staging buffer. Each row of the buffer lies
   within a cache line as it does in the target, so that whole lines are copied: a line that is
   stored in two parts would be read while the first store is still under way. */
static void transpose_nontemporal(const struct kernels *kernels, unsigned char *out,
                                  int64_t out_stride, const unsigned char *in, int64_t in_stride,
                                  int64_t rows, int64_t columns, int64_t size)
{
    _Alignas(LINE) unsigned char staging[STAGING_BYTES];
    const int64_t most_rows = STAGING_BYTES / 4 / size;
    for (; rows > 0; rows -= most_rows, in += most_rows * in_stride, out += most_rows * size) {
        const int64_t bytes = smaller(rows, most_rows) * size;
        const int64_t pitch =
            divide_up(bytes, LINE) * LINE + (int64_t)((uint64_t)out_stride % LINE);
        const int64_t most_columns = (STAGING_BYTES - LINE - bytes) / pitch + 1;
        for (int64_t column = 0; column < columns; column += most_columns) {
            const int64_t count = smaller(most_columns, columns - column);
            unsigned char *const target = out + column * out_stride;
            unsigned char *const staged = staging + (uintptr_t)target % LINE;
            transpose(staged, pitch, in + column * size, in_stride, bytes / size, count,
                      (size_t)size);
            for (int64_t i = 0; i < count; i++)
                kernels->copy_nontemporal(target + i * out_stride, staged + i * pitch,
                                          (size_t)bytes);
        }
    }
}

/* Copies a box from scratch. Where elements are contiguous along one axis of the target and along
   another of scratch, these two axes are a matrix to transpose. */
static void scatter(const struct boxes *boxes, const struct box *box, const struct kernels *kernels,
                    int nontemporal, const unsigned char *scratch, const int64_t scratch_strides[])
{
    const int inner = boxes->order[0], last = boxes->dimensions - 1;
    const int64_t *const extents = box->extents, size = (int64_t)boxes->item_size;
    int64_t stride = boxes->strides[inner], in_stride = scratch_strides[inner];
    unsigned char *start = box->data;
    if (stride < 0) {
        start += stride * (extents[inner] - 1);
        scratch += in_stride * (extents[inner] - 1);
        stride = -stride;
        in_stride = -in_stride;
    }
    const int is_matrix = inner != last && stride == size && scratch_strides[last] == size;
    int64_t outer_extents[FASTINIT_MAX_DIMENSIONS], index[FASTINIT_MAX_DIMENSIONS] = {0};
    int outer[FASTINIT_MAX_DIMENSIONS], axes = 0;
    for (int i = last; i > 0; i--) {
        const int axis = boxes->order[i];
        if (is_matrix && axis == last)
            continue;
        outer[axes] = axis;
        outer_extents[axes++] = extents[axis];
    }
    do {
        unsigned char *out = start;
        const unsigned char *in = scratch;
        for (int i = 0; i < axes; i++) {
            out += index[i] * boxes->strides[outer[i]];
            in += index[i] * scratch_strides[outer[i]];
        }
        if (is_matrix && nontemporal)
            transpose_nontemporal(kernels, out, boxes->strides[last], in, in_stride, extents[inner],
                                  extents[last], size);
        else if (is_matrix)
            transpose(out, boxes->strides[last], in, in_stride, extents[inner], extents[last],
                      boxes->item_size);
        else
            copy_elements(boxes->item_size, out, stride, in, in_stride, extents[inner]);
    } while (advance(index, outer_extents, axes));
    kernels->nontemporal_fence();
}

void fill_scattered(const struct boxes *boxes, const struct box *box, fill_function *fill,
                    const struct parameters *parameters, const struct kernels *kernels,
                    int nontemporal, unsigned char *scratch)
{
    int64_t scratch_strides[FASTINIT_MAX_DIMENSIONS];
    generate(boxes, box, fill, parameters, scratch, scratch_strides);
    scatter(boxes, box, kernels, nontemporal, scratch, scratch_strides);
}
