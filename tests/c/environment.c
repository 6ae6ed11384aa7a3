/* Fails if a rounding mode or the flushing of subnormals, set by the caller, changes a bit of a
   fill, or is not restored after it, on any instruction set. */

#include <fenv.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "fastinit.h"

#define ELEMENTS 1003

#if defined(__x86_64__)
#include <xmmintrin.h>
#define FLUSHING 0x8040u /* FTZ and DAZ of MXCSR */
static unsigned long long control(void)
{
    return _mm_getcsr() & ~0x3fu; /* without the flags of exceptions */
}
static void set_control(unsigned long long value)
{
    _mm_setcsr((unsigned)value);
}
#elif defined(__aarch64__)
#define FLUSHING (1ull << 24 | 1ull << 26) /* FZ and AHP of FPCR */
static unsigned long long control(void)
{
    unsigned long long value;
    __asm__ volatile("mrs %0, fpcr" : "=r"(value));
    return value;
}
static void set_control(unsigned long long value)
{
    __asm__ volatile("msr fpcr, %0" : : "r"(value));
}
#else
#define FLUSHING 0
static unsigned long long control(void)
{
    return (unsigned long long)fegetround();
}
static void set_control(unsigned long long value)
{
    fesetround((int)value);
}
#endif

static const int modes[] = {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};

static const struct {
    enum fastinit_distribution kind;
    double parameters[4];
} distributions[] = {
    {FASTINIT_CONSTANT, {0.3}},
    {FASTINIT_CONSTANT, {1e-40}},
    {FASTINIT_UNIFORM, {-0.1, 0.3}},
    {FASTINIT_UNIFORM, {-1e-40, 1e-39}},
    {FASTINIT_NORMAL, {0.1, 0.7}},
    {FASTINIT_NORMAL, {0, 1e-39}},
    {FASTINIT_TRUNCATED_NORMAL, {0, 1, -2, 2}},
    {FASTINIT_TRUNCATED_NORMAL, {0, 1, -0.5, 8}},
    {FASTINIT_TRUNCATED_NORMAL, {0, 1e-39, -2e-39, INFINITY}},
};

enum { DISTRIBUTIONS = sizeof distributions / sizeof *distributions };

typedef unsigned char values[DISTRIBUTIONS][FASTINIT_DTYPES][ELEMENTS * 8];

static int fill_all(values out)
{
    for (int i = 0; i < DISTRIBUTIONS; i++)
        for (int dtype = 0; dtype < FASTINIT_DTYPES; dtype++) {
            fastinit_fill fill = {.data = out[i][dtype], .dtype = (enum fastinit_dtype)dtype};
            fill.dimensions = 1;
            fill.shape[0] = ELEMENTS;
            fill.strides[0] = fastinit_dtype_size(fill.dtype);
            fill.logical_strides[0] = 1;
            fill.first = 5;
            fill.distribution = distributions[i].kind;
            memcpy(fill.parameters, distributions[i].parameters, sizeof fill.parameters);
            fastinit_job *job = fastinit_job_new(&fill, 1);
            if (job == NULL)
                return 0;
            while (fastinit_job_work(job, 1))
                ;
            fastinit_job_free(job);
        }
    return 1;
}

int main(void)
{
    static values expected, found;
    int failures = 0;
    const unsigned long long usual = control();
    for (size_t i = 0; i < fastinit_isa_count(); i++) {
        fastinit_choose_isa(fastinit_isa_name(i));
        if (!fill_all(expected))
            return 2;
        for (size_t mode = 0; mode < sizeof modes / sizeof *modes; mode++)
            for (int flush = 0; flush < 2; flush++) {
                if (fesetround(modes[mode]) != 0)
                    return 2;
                set_control(control() | (flush ? FLUSHING : 0));
                const unsigned long long before = control();
                memset(found, 0xa5, sizeof found);
                const int is_filled = fill_all(found);
                const unsigned long long after = control();
                set_control(usual);
                int is_equal = is_filled;
                for (int d = 0; d < DISTRIBUTIONS; d++)
                    for (int dtype = 0; dtype < FASTINIT_DTYPES; dtype++)
                        is_equal &= memcmp(expected[d][dtype], found[d][dtype],
                                           ELEMENTS * (size_t)fastinit_dtype_size(
                                                          (enum fastinit_dtype)dtype)) == 0;
                if (!is_equal || before != after) {
                    printf("%s, rounding mode %d, flushing %d: %s\n", fastinit_isa(), modes[mode],
                           flush, is_equal ? "not restored" : "other values");
                    failures++;
                }
            }
        printf("%s environments-agree\n", fastinit_isa());
    }
    return failures != 0;
}
