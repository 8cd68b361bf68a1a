// Committee with free output weights on real patterns: INPUTS - HIDDEN - 1 sign units, all weights +-1, inputs float32,
// labels folded in; level = misclassified patterns. Fields of the first layer are carried along as floats, their signs
// and the output's margins bit-sliced: one pass over the changed unit's fields, then the committee's rule.
#include "common.hpp"
#include "real.hpp"
#include <memory>

#ifndef INPUTS
#define INPUTS 784
#endif
#ifndef HIDDEN
#define HIDDEN 15
#endif
#ifndef PATTERNS
#define PATTERNS 400
#endif

struct RealMlp {
    static constexpr u32 FIRST = HIDDEN * INPUTS;
    static constexpr int MOVES = FIRST + HIDDEN;
    static constexpr int GROUPS = words_for<u64>(PATTERNS), VECTORS = 4 * GROUPS, WORDS = words_for<Lanes>(PATTERNS);

    Floats field[HIDDEN][VECTORS];
    Floats column[INPUTS][VECTORS] = {};  // 2 x: what a flip adds or takes
    float weight[HIDDEN][INPUTS];
    u64 negative_out[HIDDEN];  // 0 or ~0: the output weight's sign as a mask
    Lanes negative[HIDDEN][WORDS] = {};
    Lanes valid[WORDS] = {};
    Lanes flipped[WORDS];  // where the unit of the move last proposed turns; `commit` needs it again
    Margins<Lanes, HIDDEN, WORDS> output;

    explicit RealMlp(u64 seed) {
        SlowRandom random{seed};
        for (auto& row : weight)
            for (auto& w : row) w = (float)random.sign();
        for (auto& mask : negative_out) mask = random.sign() < 0 ? ~0ull : 0;
        for (auto& vectors : column)
            for (int pattern = 0; pattern < PATTERNS; ++pattern)
                place(vectors, pattern) = 2 * gaussian_input(random);
        for (int pattern = 0; pattern < VECTORS * FLOATS; ++pattern)
            for (int k = 0; k < HIDDEN; ++k) {
                const float f = pattern < PATTERNS ? recomputed_field(k, pattern) : 1.0f;
                place(field[k], pattern) = f;
                if (f < 0) set_bit(negative[k], pattern);
            }
        for (int pattern = 0; pattern < PATTERNS; ++pattern) {
            set_bit(valid, pattern);
            output.set(pattern, recomputed_margin(pattern));
        }
        output.set_padding(PATTERNS);
    }

    int propose(u32 move, int level) {
        if (move >= FIRST) {
            for (int w = 0; w < WORDS; ++w) flipped[w] = valid[w];
            return level + change(move - FIRST);
        }
        const u32 k = move / INPUTS, i = move % INPUTS;
        const Floats flip = Floats{} + weight[k][i];
        u64 after[8 * WORDS] = {};
#pragma GCC unroll 64
        for (int group = 0; group < GROUPS; ++group) {
            const Floats *f = field[k] + 4 * group, *x = column[i] + 4 * group;
            after[group] = sign_bits(f[0] - flip * x[0], f[1] - flip * x[1], f[2] - flip * x[2], f[3] - flip * x[3]);
        }
        for (int w = 0; w < WORDS; ++w) {
            const u64* a = after + 8 * w;
            flipped[w] = Lanes{a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7]} ^ negative[k][w];
        }
        return level + change(k);
    }

    // Errors gained when the vote of unit k into the output turns where `flipped`.
    int change(u32 k) const {
        Lanes turned_tally = {}, repaired_tally = {};
#pragma GCC unroll 32
        for (int w = 0; w < WORDS; ++w) {
            const Lanes vote = negative[k][w] ^ negative_out[k];
            const Lanes turned = flipped[w] & and_equal(output.critical[w], vote, output.negative(w));
            turned_tally += ones(turned);
            repaired_tally += ones(turned & vote);
        }
        return total(turned_tally - 2 * repaired_tally);
    }

    void commit(u32 move) {
        const bool first = move < FIRST;
        const u32 k = first ? move / INPUTS : move - FIRST;
        for (int w = 0; w < WORDS; ++w) output.shift(w, flipped[w], ~(negative[k][w] ^ negative_out[k]));
        if (!first) {
            negative_out[k] = ~negative_out[k];
            return;
        }
        const u32 i = move % INPUTS;
        const Floats flip = Floats{} + weight[k][i];
        for (int v = 0; v < VECTORS; ++v) field[k][v] -= flip * column[i][v];
        for (int w = 0; w < WORDS; ++w) negative[k][w] ^= flipped[w];
        weight[k][i] = -weight[k][i];
    }

    int level() const {
        Lanes wrong = {};
        for (int w = 0; w < WORDS; ++w) wrong += ones(output.negative(w));
        return total(wrong);
    }

    float recomputed_field(int k, int pattern) const {
        double sum = 0;
        for (int i = 0; i < INPUTS; ++i) sum += 0.5 * weight[k][i] * place(const_cast<Floats*>(column[i]), pattern);
        return (float)sum;
    }
    int recomputed_margin(int pattern) const {
        int margin = 0;
        for (int k = 0; k < HIDDEN; ++k)
            margin += (recomputed_field(k, pattern) < 0) != (negative_out[k] != 0) ? -1 : 1;
        return margin;
    }
    int recomputed_level() const {
        int wrong = 0;
        for (int pattern = 0; pattern < PATTERNS; ++pattern) wrong += recomputed_margin(pattern) < 0;
        return wrong;
    }
};

int main(int argc, char** argv) {
    const Options options(argc, argv);
    auto state = std::make_unique<RealMlp>(options.seed);
    return run_yardstick("real_mlp", {{"inputs", INPUTS}, {"hidden", HIDDEN}, {"patterns", PATTERNS}}, *state,
                         stationary_ln_g(PATTERNS, options.fraction), options);
}
