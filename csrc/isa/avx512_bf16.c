/* AVX-512 with BF16: the compiler's flag decides in avx512.c. */
#include "avx512.c"
