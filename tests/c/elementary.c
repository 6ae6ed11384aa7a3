/* Prints how far the elementary functions are from the exact ones, and fails where that is beyond
   the bounds that their comments state. float32: every bit pattern of the range that words lead to,
   against double, whose error is 2^-29 of what is measured; float64: fifty million of them, evenly
   spread over the bit patterns, against long double. With an argument, writes the largest error in
   each of BINS parts of every range to that file, as JSON. */

#include "../../csrc/isa/portable.c"

#include <float.h>
#include <stdio.h>
#include <stdlib.h>

#define PI 3.141592653589793238462643383279502884L
#define BINS 128
#define SAMPLES 50000000
#define F32_LANES 16
#define F64_LANES 8

static const float f32_least = 0x1p-32f;
static const double f64_least = 0x1p-64;

static struct survey {
    const char *name, *format, *axis;
    double bound; /* in ulp of the exact result */
    double from, to;
    int is_logarithmic;
    unsigned long count;
    double worst, at;
    double bins[BINS];
} surveys[] = {
    {"-2 ln(x / 2)", "float32", "x", 2, 0x1p-32, 1, 1, 0, 0, 0, {0}},
    {"-2 ln(1 + x / 2)", "float32", "-x", 2, 0x1p-32, 1, 1, 0, 0, 0, {0}},
    {"cos(pi v / 4)", "float32", "v", 1.4, 0, 1, 0, 0, 0, 0, {0}},
    {"sin(pi v / 4)", "float32", "v", 1.7, 0, 1, 0, 0, 0, 0, {0}},
    {"normal quantile of (1 + y) / 2", "float32", "y", 2.5, 0, 0.9977, 0, 0, 0, 0, {0}},
    {"-2 ln(x / 2)", "float64", "x", 2, 0x1p-64, 1, 1, 0, 0, 0, {0}},
    {"-2 ln(1 + x / 2)", "float64", "-x", 2, 0x1p-64, 1, 1, 0, 0, 0, {0}},
    {"cos(pi v / 4)", "float64", "v", 1.4, 0, 1, 0, 0, 0, 0, {0}},
    {"sin(pi v / 4)", "float64", "v", 1.7, 0, 1, 0, 0, 0, 0, {0}},
    {"Q(x) / phi(x)", "float64", "x", 5, 0, 10, 0, 0, 0, 0, {0}},
    {"truncated normal quantile", "float64", "x", 5, -8, 8, 0, 0, 0, 0, {0}},
};

enum { LOG, LOG_NEAR_ONE, COSINE, SINE, QUANTILE, WIDE, MILLS = WIDE + 4, TRUNCATED, SURVEYS };

static void note(int which, double argument, double error)
{
    struct survey *const s = &surveys[which];
    const double share = s->is_logarithmic ? 1 - log2(argument) / log2(s->from)
                                           : (argument - s->from) / (s->to - s->from);
    const int bin = (int)(fmax(0, fmin(share, 1 - DBL_EPSILON)) * BINS);
    s->count++;
    if (error > s->bins[bin])
        s->bins[bin] = error;
    if (error > s->worst) {
        s->worst = error;
        s->at = argument;
    }
}

static double f32_error(float got, double exact)
{
    const double ulp = f64_from_bits(f64_bits(exact) & (uint64_t)0x7ff << 52) * 0x1p-23;
    return fabs(got - exact) / ulp;
}

static double f64_error(double got, long double exact)
{
    int exponent;
    frexpl(exact, &exponent);
    return (double)(fabsl(got - exact) / ldexpl(1, exponent - DBL_MANT_DIG));
}

static void walk_f32_log(int is_near_one)
{
    f32_mask mask;
    for (int i = 0; i < F32_LANES; i++)
        mask.lane[i] = (uint32_t)is_near_one;
    for (uint32_t bits = f32_bits(f32_least); bits < f32_bits(1); bits += F32_LANES) {
        f32_vector x;
        for (int i = 0; i < F32_LANES; i++)
            x.lane[i] = f32_from_bits(bits + (uint32_t)i) * (is_near_one ? -1.0f : 1.0f);
        const f32_vector got = f32_minus_two_log(x, mask);
        for (int i = 0; i < F32_LANES; i++) {
            const double half = 0.5 * x.lane[i];
            const double exact = -2 * (is_near_one ? log1p(half) : log(half));
            note(LOG + is_near_one, fabs(2 * half), f32_error(got.lane[i], exact));
        }
    }
}

static void walk_f32_cosine_sine(void)
{
    for (uint32_t bits = f32_bits(0x1p-30f); bits < f32_bits(1); bits += F32_LANES) {
        f32_vector v, cosine, sine;
        for (int i = 0; i < F32_LANES; i++)
            v.lane[i] = f32_from_bits(bits + 1 + (uint32_t)i);
        f32_cosine_sine(v, &cosine, &sine);
        for (int i = 0; i < F32_LANES; i++) {
            const double angle = (double)(PI / 4) * v.lane[i];
            note(COSINE, v.lane[i], f32_error(cosine.lane[i], cos(angle)));
            note(SINE, v.lane[i], f32_error(sine.lane[i], sin(angle)));
        }
    }
}

/* The exact quantile is one step of Newton's method from what was got, which is near enough. */
static void walk_f32_quantile(void)
{
    const struct parameters p = {.low = -HUGE_VAL, .high = HUGE_VAL, .mean = 0, .std = 1};
    for (uint32_t bits = f32_bits(f32_least); bits < f32_bits(0.9977f); bits += F32_LANES) {
        f32_vector y;
        for (int i = 0; i < F32_LANES; i++)
            y.lane[i] = f32_from_bits(bits + (uint32_t)i);
        const f32_vector got = f32_truncated_centre(y, f32_centre_logarithm(y), &p);
        for (int i = 0; i < F32_LANES; i++) {
            const double x = got.lane[i], density = exp(-0.5 * x * x) * 0.79788456080286535588;
            const double exact = x - (erf(x * 0.70710678118654752440) - y.lane[i]) / density;
            note(QUANTILE, y.lane[i], f32_error(got.lane[i], exact));
        }
    }
}

/* Bit patterns between two numbers, evenly spread; the ends are among them. */
static f64_vector f64_patterns(double from, double to, uint64_t sample)
{
    const uint64_t first = f64_bits(from), span = f64_bits(to) - first;
    f64_vector x;
    for (int i = 0; i < F64_LANES; i++) {
        const double share = (double)(sample + (uint64_t)i) / (SAMPLES - 1);
        const uint64_t step = (uint64_t)(share * (double)span);
        x.lane[i] = f64_from_bits(first + (step < span ? step : span));
    }
    return x;
}

static void walk_f64_log(int is_near_one)
{
    f64_mask mask;
    for (int i = 0; i < F64_LANES; i++)
        mask.lane[i] = (uint64_t)is_near_one;
    for (uint64_t sample = 0; sample < SAMPLES; sample += F64_LANES) {
        f64_vector x = f64_patterns(f64_least, 1, sample);
        for (int i = 0; i < F64_LANES; i++)
            x.lane[i] = is_near_one ? -x.lane[i] : x.lane[i];
        const f64_vector got = f64_minus_two_log(x, mask);
        for (int i = 0; i < F64_LANES; i++) {
            const long double half = 0.5L * x.lane[i];
            const long double exact = -2 * (is_near_one ? log1pl(half) : logl(half));
            note(WIDE + LOG + is_near_one, fabs(x.lane[i]), f64_error(got.lane[i], exact));
        }
    }
}

static void walk_f64_cosine_sine(void)
{
    for (uint64_t sample = 0; sample < SAMPLES; sample += F64_LANES) {
        const f64_vector v = f64_patterns(0x1p-62, 1, sample);
        f64_vector cosine, sine;
        f64_cosine_sine(v, &cosine, &sine);
        for (int i = 0; i < F64_LANES; i++) {
            const long double angle = PI / 4 * v.lane[i];
            note(WIDE + COSINE, v.lane[i], f64_error(cosine.lane[i], cosl(angle)));
            note(WIDE + SINE, v.lane[i], f64_error(sine.lane[i], sinl(angle)));
        }
    }
}

static void walk_f64_mills(void)
{
    for (uint64_t sample = 0; sample < SAMPLES / 10; sample += F64_LANES) {
        const f64_vector x = f64_patterns(0x1p-10, 10, sample * 10);
        const f64_vector got = f64_mills(x);
        for (int i = 0; i < F64_LANES; i++) {
            const long double a = x.lane[i], root = 0.70710678118654752440084436210484903928L;
            const long double exact =
                1.25331413731550025120788264240552262650L * erfcl(a * root) * expl(0.5L * a * a);
            note(MILLS, x.lane[i], f64_error(got.lane[i], exact));
        }
    }
}

static long double upper_tail_of_normal(long double x)
{
    return 0.5L * erfcl(x * 0.70710678118654752440084436210484903928L);
}

/* In ulp of the result, or of 1 where that is less: beside the mean the interval's place counts. */
static void walk_f64_truncated(double low, double high)
{
    const double given[4] = {0, 1, low, high};
    struct parameters p;
    if (prepare_parameters(FASTINIT_TRUNCATED_NORMAL, FASTINIT_FLOAT64, given, &p) !=
        METHOD_TRUNCATED)
        abort();
    const long double lower = upper_tail_of_normal(-low), upper = upper_tail_of_normal(high);
    const long double mass =
        low < 0 ? 1 - lower - upper : upper_tail_of_normal(low) - upper_tail_of_normal(high);
    for (uint64_t sample = 0; sample < SAMPLES / 25; sample += F64_VECTORS * F64_LANES) {
        f64_vector shares[F64_VECTORS], got[F64_VECTORS];
        for (int v = 0; v < F64_VECTORS; v++) {
            shares[v] = f64_patterns(f64_least, 1, (sample + (uint64_t)(v * F64_LANES)) * 25);
            for (int i = 1; i < F64_LANES; i += 2) /* the upper half of the interval */
                shares[v].lane[i] = -shares[v].lane[i];
        }
        f64_truncated_tile(shares, &p, got);
        for (int v = 0; v < F64_VECTORS; v++)
            for (int i = 0; i < F64_LANES; i++) {
                const long double half = 0.5L * shares[v].lane[i], x = got[v].lane[i];
                const long double below = half > 0 ? half : 1 + half, above = 1 - below;
                const long double density = 0.39894228040143267794L * expl(-0.5L * x * x);
                const long double share_above = half > 0 ? above : -half;
                const long double step =
                    x < 0 ? lower + mass * below - upper_tail_of_normal(-x)
                          : upper_tail_of_normal(x) - (upper + mass * share_above);
                const double error = f64_error(1, 1 + fabsl(step / density) / fmaxl(1, fabsl(x)));
                note(TRUNCATED, (double)x, error);
            }
    }
}

static void write_bins(const char *path)
{
    FILE *const file = fopen(path, "w");
    if (file == NULL) {
        perror(path);
        return;
    }
    fputs("[\n", file);
    for (int which = 0; which < SURVEYS; which++) {
        const struct survey *const s = &surveys[which];
        fprintf(file,
                " {\"name\": \"%s\", \"format\": \"%s\", \"axis\": \"%s\", \"from\": %.17g, "
                "\"to\": %.17g, \"logarithmic\": %s, \"count\": %lu, \"bound\": %g, "
                "\"worst\": %.4f, \"at\": %.17g, \"bins\": [",
                s->name, s->format, s->axis, s->from, s->to, s->is_logarithmic ? "true" : "false",
                s->count, s->bound, s->worst, s->at);
        for (int bin = 0; bin < BINS; bin++)
            fprintf(file, "%s%.3f", bin > 0 ? ", " : "", s->bins[bin]);
        fprintf(file, "]}%s\n", which + 1 < SURVEYS ? "," : "");
    }
    fputs("]\n", file);
    fclose(file);
}

int main(int arguments, char **argument)
{
    walk_f32_log(0);
    walk_f32_log(1);
    walk_f32_cosine_sine();
    walk_f32_quantile();
    if (LDBL_MANT_DIG > DBL_MANT_DIG) {
        walk_f64_log(0);
        walk_f64_log(1);
        walk_f64_cosine_sine();
        walk_f64_mills();
        walk_f64_truncated(-2, 2);
        walk_f64_truncated(-1, INFINITY);
        walk_f64_truncated(-INFINITY, -3);
        walk_f64_truncated(5, 6);
        walk_f64_truncated(0, 0.01);
        walk_f64_truncated(-0.5, 8);
    } else {
        puts("float64 is left out: long double is no wider here");
    }
    int failures = 0;
    for (int which = 0; which < SURVEYS; which++) {
        const struct survey *const s = &surveys[which];
        const int is_within = s->worst <= s->bound;
        printf("%s %-30s %10lu arguments, %.3f ulp at %s = %.9g, bound %g%s\n", s->format, s->name,
               s->count, s->worst, s->axis, s->at, s->bound, is_within ? "" : ": EXCEEDED");
        failures += !is_within;
    }
    if (arguments > 1)
        write_bins(argument[1]);
    return failures > 0;
}
