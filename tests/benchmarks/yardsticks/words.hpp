// Bit-sliced arithmetic: one bit per pattern, a word of 64 or 512 patterns at a time.
//
// Every function exists for `u64` and for `Lanes` (eight u64), so one source serves both: few patterns are faster in
// scalar words, many in vectors. The vector type is the compiler's own, so the files also compile without AVX-512.
#pragma once
#include <bit>
#include <cstdint>
#ifdef __AVX512F__
#include <immintrin.h>
#endif

using u32 = std::uint32_t;
using u64 = std::uint64_t;
using Lanes = u64 __attribute__((vector_size(64)));

template <class Word> constexpr int BITS = 8 * sizeof(Word);
template <class Word> constexpr int words_for(int patterns) { return (patterns + BITS<Word> - 1) / BITS<Word>; }

// Three-input logic. GCC 12 does not merge plain operators into vpternlog, which costs up to 30 %.
#ifdef __AVX512F__
#define TERNARY(NAME, TABLE, FORMULA)                                                                        \
    inline u64 NAME(u64 a, u64 b, u64 c) { return FORMULA; }                                                 \
    inline Lanes NAME(Lanes a, Lanes b, Lanes c) {                                                           \
        return (Lanes)_mm512_ternarylogic_epi64((__m512i)a, (__m512i)b, (__m512i)c, TABLE);                  \
    }
#else
#define TERNARY(NAME, TABLE, FORMULA)                                                                        \
    inline u64 NAME(u64 a, u64 b, u64 c) { return FORMULA; }                                                 \
    inline Lanes NAME(Lanes a, Lanes b, Lanes c) { return FORMULA; }
#endif
TERNARY(and_differ, 0x60, a & (b ^ c))
TERNARY(and_equal, 0x90, a & ~(b ^ c))
TERNARY(and_3, 0x80, a & b & c)
TERNARY(xor_3, 0x96, a ^ b ^ c)
TERNARY(xnor_3, 0x69, ~(a ^ b ^ c))
TERNARY(majority_3, 0xE8, (a & b) | (c & (a ^ b)))
#undef TERNARY

// The number of ones in each 64-bit part; add these up, then take the `total` once.
inline u64 ones(u64 word) { return (u64)std::popcount(word); }
inline Lanes ones(Lanes word) {
#ifdef __AVX512VPOPCNTDQ__
    return (Lanes)_mm512_popcnt_epi64((__m512i)word);
#else
    Lanes counts;
    for (int lane = 0; lane < 8; ++lane) counts[lane] = ones(word[lane]);
    return counts;
#endif
}

inline int total(u64 counts) { return (int)counts; }
inline int total(Lanes counts) {
#ifdef __AVX512F__
    return (int)_mm512_reduce_add_epi64((__m512i)counts);
#else
    u64 sum = 0;
    for (int lane = 0; lane < 8; ++lane) sum += counts[lane];
    return (int)sum;
#endif
}

// All bits alike: `mask` is 0 or ~0.
template <class Word> inline Word spread(u64 mask) { return Word{} + mask; }

inline void set_bit(u64* words, int bit) { words[bit / 64] |= 1ull << (bit % 64); }
inline void set_bit(Lanes* words, int bit) { words[bit / 512][bit / 64 % 8] |= 1ull << (bit % 64); }

// Margins m (sums of an odd number FAN_IN of +-1), one per pattern, as h = (m - 1) / 2 in two's complement, bit-sliced:
// m = +1 is h = 0, m = -1 is h = -1, so the top plane tells m < 0, and |m| = 1 is "all planes alike".
template <class Word, int FAN_IN, int WORDS> struct Margins {
    static_assert(FAN_IN % 2 == 1, "an even fan-in has ties");
    static constexpr int PLANES = std::bit_width((unsigned)FAN_IN);

    Word plane[PLANES][WORDS] = {};
    Word critical[WORDS] = {};  // |m| = 1: the only patterns whose sign one flip can turn

    Word negative(int w) const { return plane[PLANES - 1][w]; }

    void set(int pattern, int margin) {
        const int h = (margin - 1) >> 1;
        for (int p = 0; p < PLANES; ++p)
            if ((h >> p) & 1) set_bit(plane[p], pattern);
        if (margin == 1 || margin == -1) set_bit(critical, pattern);
    }

    // Patterns beyond the last one hold the margin 3: no flip is ever applied to them, so they stay inert.
    void set_padding(int patterns) {
        for (int pattern = patterns; pattern < WORDS * BITS<Word>; ++pattern) set(pattern, 3);
    }

    // m -= 2 where `down`, m += 2 elsewhere, among the patterns `active`: one ripple of the carry (or borrow).
    [[gnu::always_inline]] void shift(int w, Word active, Word down) {
        Word carry = active, any = Word{}, all = ~Word{};
#pragma GCC unroll 16
        for (int p = 0; p < PLANES; ++p) {
            const Word before = plane[p][w], after = before ^ carry;
            carry = and_differ(carry, before, down);
            plane[p][w] = after;
            any |= after;
            all &= after;
        }
        critical[w] = ~any | all;
    }
};

// votes[0..K-1] summed column-wise by full adders, planes of the sum from the lowest; `votes` is overwritten.
template <int K, class Word> [[gnu::always_inline]] inline void count_votes(Word* votes, Word* planes) {
    constexpr int CARRIES = K / 2;
    Word carry[CARRIES + 1];
#pragma GCC unroll 32
    for (int i = 0; i < (K - 1) / 2; ++i) {
        carry[i] = majority_3(votes[2 * i], votes[2 * i + 1], votes[2 * i + 2]);
        votes[2 * i + 2] = xor_3(votes[2 * i], votes[2 * i + 1], votes[2 * i + 2]);
    }
    if constexpr (K % 2 == 0) {
        carry[CARRIES - 1] = votes[K - 2] & votes[K - 1];
        votes[K - 1] ^= votes[K - 2];
    }
    planes[0] = votes[K - 1];
    if constexpr (CARRIES > 0) count_votes<CARRIES>(carry, planes + 1);
}

// The patterns where more than half of K (odd) votes are set.
template <int K, class Word> [[gnu::always_inline]] inline Word majority(Word* votes) {
    constexpr int PLANES = std::bit_width((unsigned)K), HALF = (K + 1) / 2;
    Word sum[PLANES];
    count_votes<K>(votes, sum);
    Word at_least = ~Word{};
#pragma GCC unroll 8
    for (int p = 0; p < PLANES; ++p) at_least = (HALF >> p) & 1 ? at_least & sum[p] : at_least | sum[p];
    return at_least;
}
