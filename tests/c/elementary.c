/* Prints the largest error and the extreme results of the elementary functions, and fails if an
   error exceeds its bound. float32: every bit pattern of the domain that words lead to, both ends
   included, against double, whose error is 2^-29 of what is measured. float64: fifty million
   arguments, evenly spread over the bit patterns and close to powers of two, against long double.
   With an argument, writes the largest error in each of BINS parts of every domain to that file, as
   JSON; arguments beyond the axis count for its last part. */

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
static const float centre_most = 0.997712f; /* 2 Phi(3.05) - 1 */

static struct survey {
    const char *name, *format, *axis;
    double bound; /* in ulp of the exact result */
    double from, to;
    int is_logarithmic;
    unsigned long count;
    double worst, at, least, most; /* the largest error and its argument; results */
    double bins[BINS];
} surveys[] = {
    {"-2 ln(x / 2)", "float32", "x", 2, 0x1p-32, 1, 1, 0, 0, 0, HUGE_VAL, -HUGE_VAL, {0}},
    {"-2 ln(1 + x / 2)", "float32", "-x", 2, 0x1p-32, 1, 1, 0, 0, 0, HUGE_VAL, -HUGE_VAL, {0}},
    {"cos(pi v / 4)", "float32", "v", 1.4, 0, 1, 0, 0, 0, 0, HUGE_VAL, -HUGE_VAL, {0}},
    {"sin(pi v / 4)", "float32", "v", 1.7, 0, 1, 0, 0, 0, 0, HUGE_VAL, -HUGE_VAL, {0}},
    {"normal quantile of (1 + y) / 2",
     "float32",
     "y",
     2.5,
     0,
     0.997712,
     0,
     0,
     0,
     0,
     HUGE_VAL,
     -HUGE_VAL,
     {0}},
    {"-2 ln(x / 2)", "float64", "x", 2, 0x1p-64, 1, 1, 0, 0, 0, HUGE_VAL, -HUGE_VAL, {0}},
    {"-2 ln(1 + x / 2)", "float64", "-x", 2, 0x1p-64, 1, 1, 0, 0, 0, HUGE_VAL, -HUGE_VAL, {0}},
    {"cos(pi v / 4)", "float64", "v", 1.4, 0, 1, 0, 0, 0, 0, HUGE_VAL, -HUGE_VAL, {0}},
    {"sin(pi v / 4)", "float64", "v", 1.7, 0, 1, 0, 0, 0, 0, HUGE_VAL, -HUGE_VAL, {0}},
    {"Q(x) / phi(x)", "float64", "x", 5, 0, 10, 0, 0, 0, 0, HUGE_VAL, -HUGE_VAL, {0}},
    {"truncated normal quantile", "float64", "x", 8, -8, 8, 0, 0, 0, 0, HUGE_VAL, -HUGE_VAL, {0}},
};

enum { LOG, LOG_NEAR_ONE, COSINE, SINE, QUANTILE, WIDE, MILLS = WIDE + 4, TRUNCATED, SURVEYS };

static void note(int which, double argument, double got, double error)
{
    struct survey *const s = &surveys[which];
    const double share = s->is_logarithmic ? 1 - log2(argument) / log2(s->from)
                                           : (argument - s->from) / (s->to - s->from);
    const int bin = (int)(fmax(0, fmin(share, 1 - DBL_EPSILON)) * BINS);
    s->count++;
    s->least = fmin(s->least, got);
    s->most = fmax(s->most, got);
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

/* Sets x to consecutive bit patterns from `bits` on, none beyond `to`; returns how many there are.
 */
static int f32_patterns(uint32_t bits, float to, f32_vector *x)
{
    const uint32_t left = f32_bits(to) - bits;
    for (uint32_t i = 0; i < F32_LANES; i++)
        x->lane[i] = f32_from_bits(bits + (i < left ? i : left));
    return left < F32_LANES ? (int)left + 1 : F32_LANES;
}

static void walk_f32_log(int is_near_one)
{
    f32_mask mask;
    for (int i = 0; i < F32_LANES; i++)
        mask.lane[i] = (uint32_t)is_near_one;
    for (uint32_t bits = f32_bits(f32_least); bits <= f32_bits(1); bits += F32_LANES) {
        f32_vector x;
        const int count = f32_patterns(bits, 1, &x);
        if (is_near_one)
            x = f32_sub(f32_set(0), x);
        const f32_vector got = f32_minus_two_log(x, mask);
        for (int i = 0; i < count; i++) {
            const double half = 0.5 * x.lane[i];
            const double exact = -2 * (is_near_one ? log1p(half) : log(half));
            note(LOG + is_near_one, fabs(2 * half), got.lane[i], f32_error(got.lane[i], exact));
        }
    }
}

/* Positive arguments are enough: v enters by its square, and as a factor of the sine. */
static void walk_f32_cosine_sine(void)
{
    for (uint32_t bits = f32_bits(0x1p-30f); bits <= f32_bits(1); bits += F32_LANES) {
        f32_vector v, cosine, sine;
        const int count = f32_patterns(bits, 1, &v);
        f32_cosine_sine(v, &cosine, &sine);
        for (int i = 0; i < count; i++) {
            const double angle = (double)(PI / 4) * v.lane[i];
            note(COSINE, v.lane[i], cosine.lane[i], f32_error(cosine.lane[i], cos(angle)));
            note(SINE, v.lane[i], sine.lane[i], f32_error(sine.lane[i], sin(angle)));
        }
    }
}

/* The exact quantile is one step of Newton's method from the result. */
static void walk_f32_quantile(void)
{
    const struct parameters p = {.low = -HUGE_VAL, .high = HUGE_VAL, .mean = 0, .std = 1};
    for (uint32_t bits = f32_bits(f32_least); bits <= f32_bits(centre_most); bits += F32_LANES) {
        f32_vector y;
        const int count = f32_patterns(bits, centre_most, &y);
        const f32_vector got = f32_truncated_centre(y, f32_centre_logarithm(y), &p);
        for (int i = 0; i < count; i++) {
            const double x = got.lane[i], density = exp(-0.5 * x * x) * 0.79788456080286535588;
            const double exact = x - (erf(x * 0.70710678118654752440) - y.lane[i]) / density;
            note(QUANTILE, y.lane[i], got.lane[i], f32_error(got.lane[i], exact));
        }
    }
}

/* Bit patterns between two numbers, spread evenly by multiples of the golden ratio; one in 512 is
   moved to within 32 patterns of a power of two. */
static f64_vector f64_patterns(double from, double to, uint64_t sample)
{
    const uint64_t first = f64_bits(from), last = f64_bits(to), power = (uint64_t)1 << 52;
    f64_vector x;
    for (uint64_t i = 0; i < F64_LANES; i++) {
        const uint64_t share = (sample + i) * 0x9e3779b97f4a7c15u;
        uint64_t bits = first + (uint64_t)((unsigned __int128)share * (last - first) >> 64);
        if ((sample + i) % 512 == 0) {
            bits = (bits + power / 2) / power * power + share % 65 - 32;
            bits = bits < first ? first : bits > last ? last : bits;
        }
        x.lane[i] = f64_from_bits(bits);
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
            note(WIDE + LOG + is_near_one, fabs(x.lane[i]), got.lane[i],
                 f64_error(got.lane[i], exact));
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
            note(WIDE + COSINE, v.lane[i], cosine.lane[i], f64_error(cosine.lane[i], cosl(angle)));
            note(WIDE + SINE, v.lane[i], sine.lane[i], f64_error(sine.lane[i], sinl(angle)));
        }
    }
}

/* Q(x) / phi(x): by the functions themselves while the exponential is exact enough, then by the
   continued fraction of Laplace. */
static long double exact_mills(long double x)
{
    if (x < 10)
        return 1.25331413731550025120788264240552262650L * expl(0.5L * x * x) *
               erfcl(x * 0.70710678118654752440084436210484903928L);
    long double sum = x;
    for (int k = 40; k > 0; k--)
        sum = x + k / sum;
    return 1 / sum;
}

static void walk_f64_mills(double from, double to)
{
    for (uint64_t sample = 0; sample < SAMPLES / 10; sample += F64_LANES) {
        const f64_vector x = f64_patterns(from, to, sample);
        const f64_vector got = f64_mills(x);
        for (int i = 0; i < F64_LANES; i++)
            note(MILLS, x.lane[i], got.lane[i], f64_error(got.lane[i], exact_mills(x.lane[i])));
    }
}

static long double upper_tail_of_normal(long double x)
{
    return 0.5L * erfcl(x * 0.70710678118654752440084436210484903928L);
}

/* Errors are in ulp of the result, or of 1 below 1. */
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
            shares[v] = f64_patterns(f64_least, 1, sample + (uint64_t)(v * F64_LANES));
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
                const double unit = DBL_EPSILON * exp2(fmax(0, logb(got[v].lane[i])));
                note(TRUNCATED, (double)x, (double)x, (double)fabsl(step / density) / unit);
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
        walk_f64_mills(0, 0x1p-4);
        walk_f64_mills(0x1p-4, 10);
        walk_f64_mills(10, 1e150);
        walk_f64_truncated(-2, 2);
        walk_f64_truncated(-1, INFINITY);
        walk_f64_truncated(-INFINITY, -3);
        walk_f64_truncated(5, 6);
        walk_f64_truncated(0, 0.01);
        walk_f64_truncated(-0.5, 8);
        walk_f64_truncated(20, INFINITY);
        /* Near the mean on either side of it, where random intervals were worst. */
        walk_f64_truncated(-0.257103479451194, 0.000674571299887859);
        walk_f64_truncated(-0.000181405082892314, 0.00144288397587041);
        walk_f64_truncated(-0.00795726533267449, 3.40834456377790e-5);
    } else {
        puts("float64 is left out: long double is no wider here");
    }
    int failures = 0;
    for (int which = 0; which < SURVEYS; which++) {
        const struct survey *const s = &surveys[which];
        const int is_within = s->worst <= s->bound;
        printf("%s %-30s %10lu arguments, results %a ... %a, %.3f ulp at %s = %.9g, bound %g%s\n",
               s->format, s->name, s->count, s->least, s->most, s->worst, s->axis, s->at, s->bound,
               is_within ? "" : ": EXCEEDED");
        failures += !is_within;
    }
    if (arguments > 1)
        write_bins(argument[1]);
    return failures > 0;
}
