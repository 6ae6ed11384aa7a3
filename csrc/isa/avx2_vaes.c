/* AVX2 with VAES: the compiler's flag decides in avx2.c. */
#include "avx2.c"
