// Real inputs: float32 vectors, a signed vote to each, and the check that makes incremental fields exact.
#pragma once
#include "random.hpp"
#include <algorithm>
#include <cmath>

using Floats = float __attribute__((vector_size(64)));
using Ints = std::int32_t __attribute__((vector_size(64)));
constexpr int FLOATS = 16;
constexpr int vectors_for(int patterns) { return (patterns + FLOATS - 1) / FLOATS; }


// The sign bits of 64 floats in four vectors, by saturating packs, which keep signs: bit b belongs to the pattern that
// `place` puts there. (No field is ever -0.0: exact differences round to +0.0.)
inline u64 sign_bits(Floats a, Floats b, Floats c, Floats d) {
#ifdef __AVX512BW__
    const __m512i low = _mm512_packs_epi32((__m512i)a, (__m512i)b), high = _mm512_packs_epi32((__m512i)c, (__m512i)d);
    return _mm512_movepi8_mask(_mm512_packs_epi16(low, high));
#else
    u64 bits = 0;
    for (int bit = 0; bit < 64; ++bit) {
        const Floats& source = bit / 4 % 4 == 0 ? a : bit / 4 % 4 == 1 ? b : bit / 4 % 4 == 2 ? c : d;
        bits |= (u64)(source[bit / 16 * 4 + bit % 4] < 0) << bit;
    }
    return bits;
#endif
}

// The float of pattern number `bit` in the order of `sign_bits`.
inline float& place(Floats* vectors, int bit) {
    const int within = bit % 64;
    return ((float*)(vectors + bit / 64 * 4 + within / 4 % 4))[within / 16 * 4 + within % 4];
}

inline int sum(Ints x) {
    int result = 0;
    for (int lane = 0; lane < FLOATS; ++lane) result += x[lane];
    return result;
}

// A Gaussian input on the grid 2^-10: sums of a few thousand of them are exact in float32, so fields carried along by
// increments equal recomputed ones to the bit, and the final check needs no tolerance.
inline float gaussian_input(SlowRandom& random) {
    const double radius = std::sqrt(-2 * std::log(random.uniform()));
    const double x = radius * std::cos(2 * 3.141592653589793 * random.uniform());
    return (float)(std::clamp(std::round(x * 1024), -4096.0, 4096.0) / 1024);
}
