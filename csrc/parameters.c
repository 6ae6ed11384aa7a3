/* What the parameters of a distribution become: the method and its constants, in double, by
   arithmetic that is the same on every machine. */

#include <float.h>
#include <math.h>
#include <string.h>

#include "coefficients.h"
#include "internal.h"

/* A binary format: precision with the hidden bit, exponent of the smallest normal, largest value.
 */
struct format {
    int precision, smallest_exponent;
    double largest;
};

static const struct format formats[FASTINIT_DTYPES] = {
    [FASTINIT_FLOAT64] = {53, -1022, DBL_MAX}, [FASTINIT_FLOAT32] = {24, -126, FLT_MAX},
    [FASTINIT_FLOAT16] = {11, -14, 65504},     [FASTINIT_BFLOAT16] = {8, -126, 0x1.fep127},
    [FASTINIT_FLOAT8_E4M3FN] = {4, -6, 448},   [FASTINIT_FLOAT8_E5M2] = {3, -14, 57344},
};

/* The largest value of the format that is not above x. Zero is 0.0 in either direction: a result
   that equals a bound becomes the bound. */
static double round_down(double x, const struct format *format)
{
    if (x == 0 || x >= format->largest)
        return x == 0 ? 0 : format->largest;
    if (x < -format->largest)
        return -format->largest;
    int exponent = ilogb(x);
    if (exponent < format->smallest_exponent)
        exponent = format->smallest_exponent;
    const int quantum = exponent - format->precision + 1;
    return ldexp(floor(ldexp(x, -quantum)), quantum);
}

static double round_up(double x, const struct format *format)
{
    return 0 - round_down(-x, format);
}

/* The largest value of the target that a uniform on [low, high) may take. The type of computation
   rounds `high`: neither `high` nor what it is rounded to is a result, unless that leaves no value
   at or above `low`. */
static double last_below(double high, double low, enum fastinit_dtype dtype)
{
    const struct format *target = &formats[dtype];
    const double rounded = dtype == FASTINIT_FLOAT64 ? high : (double)(float)high;
    const double last = round_down(nextafter(fmin(high, rounded), -INFINITY), target);
    return last >= low ? last : round_down(nextafter(high, -INFINITY), target);
}

/* exp(x) for x <= 0, to 1 ulp: e^x = 2^k e^r with |r| <= ln 2 / 2, by its Taylor series. */
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

/* Q(x) / phi(x) for x >= 0; the same operations as f64_mills. */
static double mills_ratio(double x)
{
    const double t = (x - MILLS_CENTRE) / (x + MILLS_CENTRE);
    double sum = f64_mills_coefficients[0];
    for (int k = 1; k <= F64_MILLS_DEGREE; k++)
        sum = fma(sum, t, f64_mills_coefficients[k]);
    return sum / (x + MILLS_CENTRE);
}

/* Q(x) = 1 - Phi(x) for x >= 0. */
static double upper_tail(double x)
{
    return x > 40 ? 0 : mills_ratio(x) * exp_of_negative(-0.5 * x * x) * 0.39894228040143267794;
}

static enum method constant(double value, struct parameters *out)
{
    out->mean = value;
    return METHOD_CONSTANT;
}

/* Low is included in the interval, high as the type of computation can come to it. */
static enum method uniform(double low, double high, struct parameters *out)
{
    out->middle = low * 0.5 + high * 0.5;
    out->half = high * 0.5 - low * 0.5;
    return METHOD_UNIFORM;
}

/* |x| of the furthest normal: from the smallest radius probability, 2^-33 or 2^-65. */
#define REACH_32 6.77
#define REACH_64 9.50
#define CENTRE_LIMIT 3.05
/* Below this relative variation of the density over the interval, it is taken as uniform. */
#define FLAT 0x1p-26

static enum method truncated(double mean, double std, double low, double high,
                             enum fastinit_dtype dtype, struct parameters *out)
{
    const double reach = dtype == FASTINIT_FLOAT64 ? REACH_64 : REACH_32;
    /* Past 1e150 the square overflows, and the distance from the bound is nil in any case. */
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
        if (dtype != FASTINIT_FLOAT64 && alpha >= -CENTRE_LIMIT && beta <= CENTRE_LIMIT &&
            mass >= 0.0625) {
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
    /* An upper word counts down from zero. */
    struct truncated_end *upper = alpha >= 0 ? &far : &near;
    upper->slope = -upper->slope;
    out->lower = alpha >= 0 ? near : far;
    out->upper = *upper;
    out->anchor = alpha >= 0 ? low : high;
    out->alpha = nearest;
    return METHOD_TRUNCATED;
}

/* The least magnitude of a float32 fma(a, b, c) that is not 0, given that of a b. Where c is not 0
   the sum is near c or a b, or else a b is about -c, both are multiples of |c| 2^-49, and so is
   their sum. */
static double least_sum(double least_product, double c)
{
    return c == 0 ? least_product : fabs(c) * 0x1p-50;
}

/* Whether no float32 result can be subnormal. */
static int is_never_subnormal(enum method method, const struct parameters *p)
{
    double least = 0;
    if (method == METHOD_UNIFORM)
        least = least_sum(p->half * 0x1p-31, p->middle);
    else if (method == METHOD_NORMAL) /* the radius is at least 2^-16, the sine 2^-31 */
        least = least_sum(p->std * 0x1p-47, p->mean);
    else if (method == METHOD_TRUNCATED_CENTRE)
        least = least_sum(p->std * least_sum(p->half * 0x1p-31, p->middle), p->mean);
    return least >= FLT_MIN && (p->low == 0 || fabs(p->low) >= FLT_MIN) &&
           (p->high == 0 || fabs(p->high) >= FLT_MIN);
}

static enum method choose_method(enum fastinit_distribution distribution, enum fastinit_dtype dtype,
                                 const double given[4], struct parameters *out)
{
    if (distribution == FASTINIT_BITS)
        return METHOD_BITS;
    const struct format *computed =
        &formats[dtype == FASTINIT_FLOAT64 ? FASTINIT_FLOAT64 : FASTINIT_FLOAT32];
    if (distribution == FASTINIT_CONSTANT)
        return constant(isnan(given[0]) ? NAN : given[0], out);
    if (distribution == FASTINIT_UNIFORM) {
        const double low = given[0], high = given[1];
        if (low == high)
            return constant(low, out);
        out->low = round_up(low, computed);
        out->high = last_below(high, out->low, dtype);
        return uniform(low, high, out);
    }
    if (distribution == FASTINIT_NORMAL) {
        /* An infinite mean beside an infinite radius would be NaN, whose sign differs. */
        out->mean = fmax(-computed->largest, fmin(computed->largest, given[0]));
        out->std = fmin(computed->largest, given[1]);
        return METHOD_NORMAL;
    }
    const double mean = given[0], std = given[1], low = given[2], high = given[3];
    out->low = round_up(low, computed);
    out->high = round_down(high, computed);
    if (std == 0)
        return constant(fmin(fmax(mean, low), high), out);
    if (out->low > out->high) /* nothing representable between: the nearest to it */
        return constant(low * 0.5 + high * 0.5, out);
    return truncated(mean, std, low, high, dtype, out);
}

enum method prepare_parameters(enum fastinit_distribution distribution, enum fastinit_dtype dtype,
                               const double given[4], struct parameters *out)
{
    memset(out, 0, sizeof *out);
    const enum method method = choose_method(distribution, dtype, given, out);
    out->format = dtype == FASTINIT_BFLOAT16 && is_never_subnormal(method, out)
                      ? BFLOAT16_NO_SUBNORMAL
                      : (int)dtype;
    return method;
}
