// Block random numbers: 1024 proposals at once, each a uniform move and -ln u, at about 0.6 ns a pair.
#pragma once
#include "words.hpp"
#include <initializer_list>

inline u64 splitmix64(u64& state) {
    u64 z = (state += 0x9e3779b97f4a7c15ull);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}

// A plain scalar stream for drawing problems; its speed does not matter.
struct SlowRandom {
    u64 state;
    double uniform() { return ((splitmix64(state) >> 11) + 0.5) * 0x1p-53; }
    int sign() { return splitmix64(state) >> 63 ? 1 : -1; }
};

struct Block {
    static constexpr int SIZE = 1024;
    alignas(64) u32 move[SIZE];
    alignas(64) double minus_ln_u[SIZE];
};

// Eight xoshiro256++ streams side by side.
class BlockRandom {
    using Doubles = double __attribute__((vector_size(64)));
    using SignedLanes = std::int64_t __attribute__((vector_size(64)));
    using HalfLanes = u32 __attribute__((vector_size(32)));
    Lanes a, b, c, d;

    static Lanes rotate(Lanes x, int k) { return (x << k) | (x >> (64 - k)); }

    Lanes next() {
        const Lanes result = rotate(a + d, 23) + a, shifted = b << 17;
        c ^= a;
        d ^= b;
        b ^= c;
        a ^= d;
        c ^= shifted;
        d = rotate(d, 45);
        return result;
    }

    // -ln x for x = 2^e m with m in [0.75, 1.5): absolute error 5e-9, far below what a rejection could notice.
    static Doubles minus_ln(Doubles x) {
        constexpr double SERIES[] = {0.0516012358, -0.1191506694, 0.1504968623, -0.1686875377, 0.1997394877,
                                     -0.2499001398, 0.3333358327, -0.5000013124, 0.9999999934};
        const SignedLanes bits = (SignedLanes)x;
        const SignedLanes exponent = (bits - std::bit_cast<std::int64_t>(0.75)) >> 52;
        const Doubles t = (Doubles)(bits - (exponent << 52)) - 1.0;
        Doubles sum = Doubles{} + SERIES[0];
        for (int k = 1; k < 9; ++k) sum = sum * t + SERIES[k];
        return -(__builtin_convertvector(exponent, Doubles) * 0.6931471805599453 + sum * t);
    }

public:
    explicit BlockRandom(u64 seed) {
        for (Lanes* word : {&a, &b, &c, &d})
            for (int lane = 0; lane < 8; ++lane) (*word)[lane] = splitmix64(seed);
    }

    // move uniform in [0, moves) from the low 32 bits, u from the high 32 bits.
    void fill(u32 moves, Block& block) {
        for (int i = 0; i < Block::SIZE; i += 8) {
            const Lanes random = next();
            const Lanes move = ((random & 0xffffffffull) * (u64)moves) >> 32;
            *(HalfLanes*)(block.move + i) = __builtin_convertvector(move, HalfLanes);
            const Doubles u = (__builtin_convertvector(random >> 32, Doubles) + 0.5) * 0x1p-32;
            *(Doubles*)(block.minus_ln_u + i) = minus_ln(u);
        }
    }
};
