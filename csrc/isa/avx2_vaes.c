/* AVX2 with VAES, which avx2.c takes from the compiler's flags. */
#include "avx2.c"
