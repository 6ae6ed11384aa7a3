/* The polynomials of the elementary functions, highest power first. Printed by minimax.py, which
   states what each approximates; "relative error" is that of the rounded coefficients, evaluated
   exactly. */
#ifndef FASTINIT_COEFFICIENTS_H
#define FASTINIT_COEFFICIENTS_H

/* clang-format off */
/* degree 8 on [-1, 0], relative error 2.4e-08 = 2^-25.3 */
static const float f32_log_coefficients[] = {
    -0x1.6a777ap-8f,
    -0x1.a45ebep-7f,
    -0x1.35e7f8p-6f,
    -0x1.740f04p-8f,
    -0x1.0e2ca4p-6f,
    0x1.f30700p-6f,
    -0x1.55a3e4p-4f,
    0x1.fffebep-3f,
    -0x1.000000p+0f,
};

/* degree 20 on [-1, 0], relative error 8.4e-18 = 2^-56.7 */
static const double f64_log_coefficients[] = {
    -0x1.af9277bcba689p-16,
    -0x1.c818fa8ff7ff0p-13,
    -0x1.c9b2c09a5e7fbp-11,
    -0x1.1d8a3f7b3e86dp-9,
    -0x1.ee69431cc7c5ap-9,
    -0x1.395fea5ccd5abp-8,
    -0x1.2d237011c4c13p-8,
    -0x1.bbf623e050e2fp-9,
    -0x1.02be2ee5cbd35p-9,
    -0x1.b7bad0b6be1adp-11,
    -0x1.a073b2ab60b1bp-12,
    0x1.d4085b80a6834p-14,
    -0x1.d955dd2c48749p-12,
    0x1.fe94c27c92350p-11,
    -0x1.249c9a6a39d95p-9,
    0x1.5554ec2606472p-8,
    -0x1.99999c5e0845ep-7,
    0x1.fffffff4c8d60p-6,
    -0x1.5555555560ef1p-4,
    0x1.fffffffffff79p-3,
    -0x1.000000p+0,
};

/* degree 3 on [0, 1], relative error 2.8e-08 = 2^-25.1 */
static const float f32_sine_coefficients[] = {
    -0x1.3318f6p-15f,
    0x1.4680a2p-9f,
    -0x1.4abc24p-4f,
    0x1.921fb6p-1f,
};

/* degree 7 on [0, 1], relative error 4.8e-17 = 2^-54.2 */
static const double f64_sine_coefficients[] = {
    -0x1.6c58cc2fe9e03p-46,
    0x1.e8eec79bade28p-38,
    -0x1.e3074b42c1fd3p-30,
    0x1.50783485c2d43p-22,
    -0x1.32d2cce62abbdp-15,
    0x1.466bc6775aad9p-9,
    -0x1.4abbce625be53p-4,
    0x1.921fb54442d18p-1,
};

/* degree 3 on [0, 1], relative error 4.0e-08 = 2^-24.6 */
static const float f32_cosine_coefficients[] = {
    -0x1.4e78b2p-12f,
    0x1.03b058p-6f,
    -0x1.3bd39cp-2f,
    0x1.000000p+0f,
};

/* degree 7 on [0, 1], relative error 2.3e-17 = 2^-55.3 */
static const double f64_cosine_coefficients[] = {
    -0x1.b2586c9c7d911p-42,
    0x1.f9cc15d761f7fp-34,
    -0x1.a6d1ec3d491f6p-26,
    0x1.e1f5068303f05p-19,
    -0x1.55d3c7e3c8d5cp-12,
    0x1.03c1f081b5aaap-6,
    -0x1.3bd3cc9be45dep-2,
    0x1.000000p+0,
};

/* degree 9 on [0, 11], relative error 2.1e-08 = 2^-25.5 */
static const float f32_quantile_coefficients[] = {
    -0x1.6a17dep-36f,
    0x1.2360e2p-30f,
    -0x1.4562eep-26f,
    0x1.0282a4p-24f,
    0x1.1cf8e0p-19f,
    -0x1.8a7c80p-17f,
    -0x1.afcee4p-12f,
    0x1.0b8b00p-8f,
    0x1.4ffe04p-3f,
    0x1.40d932p+0f,
};

/* degree 28 on [-1, 1], relative error 8.4e-17 = 2^-53.4 */
static const double f64_mills_coefficients[] = {
    0x1.db3fa3c4c4becp-38,
    -0x1.d354767336d82p-34,
    -0x1.5de82e8dcf544p-33,
    0x1.161b5bf9c8ec5p-30,
    0x1.daf0d16bb914dp-30,
    -0x1.270542c661b10p-28,
    -0x1.9277f2da3c52ep-27,
    0x1.fa756d76bbdf0p-28,
    0x1.ee3d400231b87p-25,
    0x1.15ff372b447bfp-25,
    -0x1.dc4a140725a96p-23,
    -0x1.a1a0019bc1ad3p-22,
    0x1.70398dd7353d8p-21,
    0x1.57c80f6f1e290p-19,
    -0x1.a82ef9435fa5bp-20,
    -0x1.f1f2e7b71ac16p-17,
    0x1.e25912ced9658p-20,
    0x1.717f07f21734ap-14,
    -0x1.4101c4ab6a1dbp-18,
    -0x1.2fb42f377080fp-11,
    0x1.5e7b1c3ffe410p-12,
    0x1.0be6d65ca0c28p-8,
    -0x1.1dcfea7a40f79p-7,
    -0x1.35aa3c94ba357p-6,
    0x1.360ce26020d29p-3,
    -0x1.dec30ee6793e7p-2,
    0x1.f0d9856bc3b06p-1,
    -0x1.8615d9b49165dp+0,
    0x1.e4aa012912ddep+0,
};

/* The centre c of the variable t = (x - c) / (x + c) in which `mills` is fitted. */
#define MILLS_CENTRE 4.0
/* clang-format on */

#endif
