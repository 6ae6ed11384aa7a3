/* Turns the parameters of a distribution into a method and its constants, in double, by arithmetic
   that is the same on every machine. */

#include <float.h>
#include <math.h>
#include <string.h>

#include "coefficients.h"
#include "internal.h"

/* Returns the largest value of the format that is not above x. Zero is always +0.0: a result that
   equals a bound becomes the bound. */
static double round_down(double x, const struct format_limits *format)
{
    if (x == 0 || x >= format->largest)
        return x == 0 ? 0 : format->largest;
    if (x < -format->largest)
        return -format->largest;
    int exponent = ilogb(x);
    if (exponent < 1 - format->bias)
        exponent = 1 - format->bias;
    const int quantum = exponent - format->mantissa_bits;
    return ldexp(floor(ldexp(x, -quantum)), quantum);
}

static double round_up(double x, const struct format_limits *format)
{
    return 0 - round_down(-x, format);
}

/* Returns the largest value of the target that a uniform on [low, high) may take: the largest below
   both `high` and `high` as the type of computation rounds it. If that leaves no value at or above
   `low`, the largest below `high`. */
static double last_below(double high, double low, enum fastinit_dtype dtype)
{
    const struct format_limits *target = &formats[dtype];
    const int is_wide = target->computation == FORMAT_FLOAT64;
    const double rounded = is_wide ? high : (double)(float)high;
    const double last = round_down(nextafter(fmin(high, rounded), -INFINITY), target);
    return last >= low ? last : round_down(nextafter(high, -INFINITY), target);
}

/* exp(x) for x <= 0: 2^k e^r with |r| <= ln 2 / 2, e^r by its Taylor series. Error: 1 ulp. Exact
   extremes: 1 at 0, and 0 from -750 down. */
static double exp_of_negative(double x)
{
    if (!(x > -750))
        return 0;
    const double k = floor(x * 1.4426950408889634074 + 0.5);
    const double r = (x - k * 0x1.62e42fefa3800p-1) - k * 0x1.ef35793c76730p-45;
    double sum = 1;
    for (int n = 16; n > 0; n--)
        sum = 1 + r / n * sum;
    return ldexp(sum, (int)k);
}

/* Q(x) / phi(x) for x >= 0, by the operations of f64_mills. Error: 4.01 ulp. */
static double mills_ratio(double x)
{
    const double t = (x - MILLS_CENTRE) / (x + MILLS_CENTRE);
    double sum = f64_mills_coefficients[0];
    for (size_t k = 1; k < LENGTH(f64_mills_coefficients); k++)
        sum = fma(sum, t, f64_mills_coefficients[k]);
    return sum / (x + MILLS_CENTRE);
}

/* Q(x) = 1 - Phi(x) for x >= 0. Error: 8 ulp near 0; exp(-x^2 / 2) adds x^2 / 2 ulp, since its
   argument is rounded. Exact extremes: 1/2 at 0, and 0 beyond 40. */
static double upper_tail(double x)
{
    return x > 40 ? 0 : mills_ratio(x) * exp_of_negative(-0.5 * x * x) * 0.39894228040143267794;
}

static enum method constant(double value, struct parameters *out)
{
    out->mean = value;
    return METHOD_CONSTANT;
}

/* Results range from `low` to the largest below `high`; see last_below. */
static enum method uniform(double low, double high, struct parameters *out)
{
    out->middle = low * 0.5 + high * 0.5;
    out->half = high * 0.5 - low * 0.5;
    return METHOD_UNIFORM;
}

/* No normal is further from the mean, in sigmas: the radius is at most sqrt(-2 ln 2^-33), or 2^-65
   for float64. */
#define REACH_32 6.77
#define REACH_64 9.50
#define CENTRE_LIMIT 3.05
/* An interval over which ln of the density varies by at most this is filled as a uniform. */
#define FLAT 0x1p-26

static enum method truncated(double mean, double std, double low, double high,
                             enum fastinit_dtype dtype, struct parameters *out)
{
    const int is_wide = formats[dtype].computation == FORMAT_FLOAT64;
    const double reach = is_wide ? REACH_64 : REACH_32;
    /* Beyond 1e150 the square overflows, and every result equals the bound anyway. */
    const double alpha = fmax(-1e150, fmin(1e150, (low - mean) / std));
    const double beta = fmax(-1e150, fmin(1e150, (high - mean) / std));
    const double width = fmin(2e150, (high - low) / std);
    const int straddles = alpha < 0 && beta > 0;

    if (alpha <= -reach && beta >= reach) {
        out->mean = mean;
        out->std = std;
        return METHOD_NORMAL;
    }
    const double nearest = straddles ? 0 : fmin(fabs(alpha), fabs(beta));
    const double furthest = fmax(fabs(alpha), fabs(beta));
    const double across = straddles ? furthest : width;
    const double log_variation = across * (furthest + nearest) * 0.5;
    if (log_variation <= FLAT)
        return uniform(low, high, out);

    out->mean = mean;
    out->std = std;
    if (straddles) {
        const double lower = upper_tail(-alpha), upper = upper_tail(beta);
        const double mass = 1 - lower - upper;
        if (!is_wide && alpha >= -CENTRE_LIMIT && beta <= CENTRE_LIMIT && mass >= 0.0625) {
            out->middle = lower - upper;
            out->half = mass;
            return METHOD_TRUNCATED_CENTRE;
        }
        out->lower = (struct truncated_end){.tail = 2 * lower, .slope = mass, .scale = -std};
        out->upper = (struct truncated_end){.tail = 2 * upper, .slope = -mass, .scale = std};
        out->anchor = mean;
        out->alpha = 0;
        out->mills = mills_ratio(0);
        return METHOD_TRUNCATED;
    }
    out->mills = mills_ratio(nearest);
    const double ratio = mills_ratio(furthest) / out->mills * exp_of_negative(-log_variation);
    const double slope = 0.5 * (1 - ratio), scale = alpha >= 0 ? std : -std;
    struct truncated_end near = {.tail = 1, .slope = -slope, .scale = scale};
    struct truncated_end far = {.tail = ratio, .slope = slope, .scale = scale};
    /* twice_share of an upper word is negative. */
    struct truncated_end *upper = alpha >= 0 ? &far : &near;
    upper->slope = -upper->slope;
    out->lower = alpha >= 0 ? near : far;
    out->upper = *upper;
    out->anchor = alpha >= 0 ? low : high;
    out->alpha = nearest;
    return METHOD_TRUNCATED;
}

/* Returns a lower bound for the magnitude of a float32 fma(a, b, c) that is not 0, given one for
   a b. If c is not 0 then a b + c is about c, or about a b, or a b is about -c: then both are
   multiples of |c| 2^-49, and so is their sum. */
static double least_sum(double least_product, double c)
{
    return c == 0 ? least_product : fabs(c) * 0x1p-50;
}

/* Returns a lower bound for the magnitude of the results that are not 0, before clamping. */
static double least_result(enum method method, const struct parameters *p)
{
    switch (method) {
    case METHOD_UNIFORM:
        return least_sum(p->half * 0x1p-31, p->middle);
    case METHOD_NORMAL: /* the radius is at least 2^-16, the sine 2^-31 */
        return least_sum(p->std * 0x1p-47, p->mean);
    case METHOD_TRUNCATED_CENTRE:
        return least_sum(p->std * least_sum(p->half * 0x1p-31, p->middle), p->mean);
    case METHOD_CONSTANT:
    case METHOD_TRUNCATED:
    case METHOD_BITS:
        break;
    }
    return 0;
}

/* Returns whether no float32 result can be subnormal. */
static int is_never_subnormal(enum method method, const struct parameters *p)
{
    return least_result(method, p) >= FLT_MIN && (p->low == 0 || fabs(p->low) >= FLT_MIN) &&
           (p->high == 0 || fabs(p->high) >= FLT_MIN);
}

static enum method prepare_uniform(double low, double high, enum fastinit_dtype dtype,
                                   struct parameters *out)
{
    if (low == high)
        return constant(low, out);
    out->low = round_up(low, &formats[formats[dtype].computation]);
    out->high = last_below(high, out->low, dtype);
    return uniform(low, high, out);
}

static enum method prepare_normal(double mean, double std, enum fastinit_dtype dtype,
                                  struct parameters *out)
{
    /* An infinite mean and an infinite radius would make a NaN, whose sign differs by machine. */
    const double largest = formats[formats[dtype].computation].largest;
    out->mean = fmax(-largest, fmin(largest, mean));
    out->std = fmin(largest, std);
    return METHOD_NORMAL;
}

static enum method prepare_truncated_normal(double mean, double std, double low, double high,
                                            enum fastinit_dtype dtype, struct parameters *out)
{
    out->low = round_up(low, &formats[formats[dtype].computation]);
    out->high = round_down(high, &formats[formats[dtype].computation]);
    if (std == 0)
        return constant(fmin(fmax(mean, low), high), out);
    if (out->low > out->high) /* nothing representable between: the value nearest to the middle */
        return constant(low * 0.5 + high * 0.5, out);
    return truncated(mean, std, low, high, dtype, out);
}

static enum method choose_method(enum fastinit_distribution distribution, enum fastinit_dtype dtype,
                                 const double given[4], struct parameters *out)
{
    switch (distribution) {
    case FASTINIT_CONSTANT: /* every NaN is the same one */
        return constant(isnan(given[0]) ? NAN : given[0], out);
    case FASTINIT_UNIFORM:
        return prepare_uniform(given[0], given[1], dtype, out);
    case FASTINIT_NORMAL:
        return prepare_normal(given[0], given[1], dtype, out);
    case FASTINIT_TRUNCATED_NORMAL:
        return prepare_truncated_normal(given[0], given[1], given[2], given[3], dtype, out);
    case FASTINIT_BITS:
        break;
    }
    return METHOD_BITS;
}

enum method prepare_parameters(enum fastinit_distribution distribution, enum fastinit_dtype dtype,
                               const double given[4], struct parameters *out)
{
    memset(out, 0, sizeof *out);
    const enum method method = choose_method(distribution, dtype, given, out);
    out->format = dtype == FASTINIT_BFLOAT16 && is_never_subnormal(method, out)
                      ? FORMAT_BFLOAT16_NO_SUBNORMAL
                      : (enum format)dtype;
    return method;
}
