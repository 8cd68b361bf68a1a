// Perceptron with INPUTS weights +-1 on PATTERNS real patterns (float32), labels folded in; level = patterns with a
// negative field. The fields f = sum_i w_i x_i are carried along; a proposal is one pass over all patterns.
#include "common.hpp"
#include "real.hpp"
#include <memory>

#ifndef INPUTS
#define INPUTS 784
#endif
#ifndef PATTERNS
#define PATTERNS 400
#endif

struct RealPerceptron {
    static constexpr int MOVES = INPUTS, VECTORS = vectors_for(PATTERNS), SUMS = 4;

    Floats field[VECTORS];
    Floats column[INPUTS][VECTORS] = {};  // 2 x: what a flip adds or takes
    float weight[INPUTS];

    explicit RealPerceptron(u64 seed) {
        SlowRandom random{seed};
        for (auto& w : weight) w = (float)random.sign();
        for (int i = 0; i < INPUTS; ++i)
            for (int pattern = 0; pattern < PATTERNS; ++pattern)
                column[i][pattern / FLOATS][pattern % FLOATS] = 2 * gaussian_input(random);
        for (int pattern = 0; pattern < VECTORS * FLOATS; ++pattern)
            field[pattern / FLOATS][pattern % FLOATS] = pattern < PATTERNS ? recomputed_field(pattern) : 1.0f;
    }

    int propose(u32 i, int) const {
        const Floats flip = Floats{} + weight[i];
        Ints tally[SUMS] = {};  // several sums, or their latency is what is measured
#pragma GCC unroll 128
        for (int v = 0; v < VECTORS; ++v) tally[v % SUMS] += (Ints)(field[v] - flip * column[i][v]) >> 31;
        for (int t = 1; t < SUMS; ++t) tally[0] += tally[t];
        return -sum(tally[0]);
    }

    void commit(u32 i) {
        const Floats flip = Floats{} + weight[i];
        for (int v = 0; v < VECTORS; ++v) field[v] -= flip * column[i][v];
        weight[i] = -weight[i];
    }

    int level() const {
        int wrong = 0;
        for (int pattern = 0; pattern < PATTERNS; ++pattern) wrong += field[pattern / FLOATS][pattern % FLOATS] < 0;
        return wrong;
    }

    float recomputed_field(int pattern) const {
        double sum = 0;
        for (int i = 0; i < INPUTS; ++i) sum += 0.5 * weight[i] * column[i][pattern / FLOATS][pattern % FLOATS];
        return (float)sum;
    }
    int recomputed_level() const {
        int wrong = 0;
        for (int pattern = 0; pattern < PATTERNS; ++pattern) wrong += recomputed_field(pattern) < 0;
        return wrong;
    }
};

int main(int argc, char** argv) {
    const Options options(argc, argv);
    auto state = std::make_unique<RealPerceptron>(options.seed);
    return run_yardstick("real_perceptron", {{"inputs", INPUTS}, {"patterns", PATTERNS}}, *state,
                         stationary_ln_g(PATTERNS, options.fraction), options);
}
