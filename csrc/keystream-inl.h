/* The keystream: AES-128 in counter mode, NIST SP 800-38A. Block number b is the encryption of b as
   a 128-bit big-endian integer; the bytes of the blocks, in order, are the keystream. Words are the
   little-endian reading of those bytes. */

struct cipher {
    u32_vector key[11];
    u32_vector whitening[F64_VECTORS]; /* key[0] ^ the number of the block in its tile */
};

/* Numbers of the blocks of a tile, as they stand in the last word of a counter block. */
static const uint32_t block_numbers[2 * TILE / 4][4] = {
    {0, 0, 0, 0u << 24},  {0, 0, 0, 1u << 24},  {0, 0, 0, 2u << 24},  {0, 0, 0, 3u << 24},
    {0, 0, 0, 4u << 24},  {0, 0, 0, 5u << 24},  {0, 0, 0, 6u << 24},  {0, 0, 0, 7u << 24},
    {0, 0, 0, 8u << 24},  {0, 0, 0, 9u << 24},  {0, 0, 0, 10u << 24}, {0, 0, 0, 11u << 24},
    {0, 0, 0, 12u << 24}, {0, 0, 0, 13u << 24}, {0, 0, 0, 14u << 24}, {0, 0, 0, 15u << 24},
};

INLINE void set_up_cipher(struct cipher *cipher, const uint32_t round_keys[44])
{
    for (int round = 0; round < 11; round++)
        cipher->key[round] = u32_repeat_block(round_keys + 4 * round);
    for (int v = 0; v < F64_VECTORS; v++)
        cipher->whitening[v] =
            u32_xor(cipher->key[0], u32_load(block_numbers[v * (U32_LANES / 4)]));
}

INLINE uint64_t swap_bytes(uint64_t x)
{
    x = x >> 32 | x << 32;
    x = (x & 0xffff0000ffff0000) >> 16 | (x & 0x0000ffff0000ffff) << 16;
    return (x & 0xff00ff00ff00ff00) >> 8 | (x & 0x00ff00ff00ff00ff) << 8;
}

/* The words of a tile: `vectors` is F32_VECTORS (8 blocks) or F64_VECTORS (16 blocks). */
INLINE void keystream(const struct cipher *cipher, uint64_t tile, int vectors, u32_vector *words)
{
    const uint64_t blocks = (uint64_t)vectors * (U32_LANES / 4);
    const u32_vector counter = u32_repeat_high_half(swap_bytes(tile * blocks));
    UNROLL
    for (int v = 0; v < vectors; v++)
        words[v] = u32_xor(counter, cipher->whitening[v]);
    UNROLL
    for (int round = 1; round < 10; round++) {
        UNROLL
        for (int v = 0; v < vectors; v++)
            words[v] = aes_round(words[v], cipher->key[round]);
    }
    UNROLL
    for (int v = 0; v < vectors; v++)
        words[v] = aes_last_round(words[v], cipher->key[10]);
}
