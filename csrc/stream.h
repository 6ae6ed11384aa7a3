/* The keystream: AES-128 in counter mode, NIST SP 800-38A. Block number b is the encryption of b as
   a 128-bit big-endian integer; all its 16 bytes in order are the stream. Words are the
   little-endian reading of those bytes. */

struct cipher {
    u32_vector key[11];
    u32_vector whitening[2 * TILE / U32_LANES]; /* key[0] ^ the number of the block in its tile */
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
    for (int v = 0; v < 2 * TILE / U32_LANES; v++)
        cipher->whitening[v] =
            u32_xor(cipher->key[0], u32_load(block_numbers[v * (U32_LANES / 4)]));
}

INLINE uint32_t swap_bytes(uint32_t x)
{
    return x >> 24 | (x >> 8 & 0xff00) | (x << 8 & 0xff0000) | x << 24;
}

/* The words of the blocks from `block` on, which is a multiple of their number (8 or 16). */
INLINE void keystream_words(const struct cipher *cipher, uint64_t block, int vectors,
                            u32_vector *words)
{
    const uint32_t counter[4] = {0, 0, swap_bytes((uint32_t)(block >> 32)),
                                 swap_bytes((uint32_t)block)};
    const u32_vector base = u32_repeat_block(counter);
    UNROLL
    for (int v = 0; v < vectors; v++)
        words[v] = u32_xor(base, cipher->whitening[v]);
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
