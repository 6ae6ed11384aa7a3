/* Fails unless every narrow dtype gets the nearest value, ties to even, on every instruction set:
   for each value of the format, its two neighbours in float32, and the float32 halfway to the next
   value with its two neighbours; infinities, NaN and zeros; both signs. The formats are written
   down once more here, since csrc/dtypes.h is what is tested. */

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "fastinit.h"

static const struct format {
    const char *name;
    int bits, mantissa_bits, bias;
    uint32_t largest, overflow, nan;
    int has_minus_zero;
} formats[] = {
    {"float16", 16, 10, 15, 0x7bff, 0x7c00, 0x7e00, 1},
    {"bfloat16", 16, 7, 127, 0x7f7f, 0x7f80, 0x7fc0, 1},
    {"float8_e4m3fn", 8, 3, 7, 0x7e, 0x7f, 0x7f, 1},
    {"float8_e5m2", 8, 2, 15, 0x7b, 0x7c, 0x7e, 1},
    {"float8_e4m3fnuz", 8, 3, 8, 0x7f, 0x80, 0x80, 0},
    {"float8_e5m2fnuz", 8, 2, 16, 0x7f, 0x80, 0x80, 0},
};

enum { FORMATS = sizeof formats / sizeof *formats, BATCH = 1000 };

static unsigned long checked, failures;

static double decode(const struct format *format, uint32_t code)
{
    const int exponent = (int)(code >> format->mantissa_bits);
    const double fraction =
        ldexp(code & ((1u << format->mantissa_bits) - 1), -format->mantissa_bits);
    return exponent == 0 ? ldexp(fraction, 1 - format->bias)
                         : ldexp(1 + fraction, exponent - format->bias);
}

/* Constants that wait to be filled in one job, and the encodings that are expected. */
static struct {
    enum fastinit_dtype dtype;
    const struct format *format;
    int count;
    double values[BATCH];
    uint32_t expected[BATCH];
} batch;

static void check_batch(void)
{
    static fastinit_fill fills[BATCH];
    static unsigned char out[BATCH][2];
    const int size = fastinit_dtype_size(batch.dtype);
    for (int i = 0; i < batch.count; i++) {
        fills[i] = (fastinit_fill){.data = out[i], .dtype = batch.dtype};
        fills[i].distribution = FASTINIT_CONSTANT;
        fills[i].parameters[0] = batch.values[i];
    }
    fastinit_job *job = fastinit_job_new(fills, (size_t)batch.count);
    while (fastinit_job_work(job, 1))
        ;
    fastinit_job_free(job);
    for (int i = 0; i < batch.count; i++) {
        uint16_t got = out[i][0];
        if (size == 2)
            memcpy(&got, out[i], 2);
        checked++;
        if (got != batch.expected[i] && failures++ < 20)
            printf("%s: %s of %a is %#x, not %#x\n", fastinit_isa(), batch.format->name,
                   batch.values[i], (unsigned)got, (unsigned)batch.expected[i]);
    }
    batch.count = 0;
}

static void expect_one(double value, uint32_t code)
{
    if (batch.count == BATCH)
        check_batch();
    batch.values[batch.count] = value;
    batch.expected[batch.count++] = code;
}

static void expect(double value, uint32_t code)
{
    const int is_zero = code == 0 && !batch.format->has_minus_zero;
    const uint32_t sign = is_zero ? 0 : 1u << (batch.format->bits - 1);
    expect_one(value, code);
    expect_one(-value, code | sign);
}

/* A float32 and its two neighbours. */
static void expect_around(double value, uint32_t below, uint32_t at, uint32_t above)
{
    if (value > 0)
        expect(nextafterf((float)value, 0), below);
    expect(value, at);
    if ((float)value < INFINITY)
        expect(nextafterf((float)value, INFINITY), above);
}

static void check_format(const struct format *format)
{
    batch.format = format;
    for (uint32_t code = 0; code <= format->largest; code++) {
        const uint32_t next = code == format->largest ? format->overflow : code + 1;
        const double value = decode(format, code), after = decode(format, code + 1);
        /* float32 ends where bfloat16 does: halfway to the next value is beyond both. */
        const double halfway = value + (after - value) / 2;
        expect_around(value, code, code, code);
        if (halfway <= 0x1.fffffep127)
            expect_around(halfway, code, code % 2 == 0 ? code : next, next);
    }
    expect(INFINITY, format->overflow);
    expect_one(NAN, format->nan);
    check_batch();
}

int main(void)
{
    for (size_t i = 0; i < fastinit_isa_count(); i++) {
        int found = 0;
        fastinit_choose_isa(fastinit_isa_name(i));
        checked = 0;
        for (int dtype = 0; dtype < FASTINIT_DTYPES; dtype++) {
            batch.dtype = (enum fastinit_dtype)dtype;
            for (int f = 0; f < FORMATS; f++)
                if (strcmp(formats[f].name, fastinit_dtype_name(batch.dtype)) == 0) {
                    check_format(&formats[f]);
                    found++;
                }
        }
        if (found != FASTINIT_DTYPES - 2) { /* all but float64 and float32 */
            printf("%d narrow dtypes, %d of them tested\n", FASTINIT_DTYPES - 2, found);
            return 2;
        }
        printf("%s %lu roundings to narrow dtypes\n", fastinit_isa(), checked);
    }
    return failures != 0;
}
