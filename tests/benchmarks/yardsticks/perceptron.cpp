// Binary perceptron: INPUTS (odd) weights +-1, PATTERNS random +-1 patterns, labels folded in; level = patterns with
// negative margin. Bit-sliced margins: a proposal reads one column and the mask of critical patterns, no more.
#include "common.hpp"
#include <memory>
#include <type_traits>

#ifndef INPUTS
#define INPUTS 501
#endif
#ifndef PATTERNS
#define PATTERNS 400
#endif

template <class Word> struct Perceptron {
    static constexpr int MOVES = INPUTS, WORDS = words_for<Word>(PATTERNS);

    Margins<Word, INPUTS, WORDS> margins;
    Word valid[WORDS] = {};
    Word column[INPUTS][WORDS] = {};  // a one where the input is +1
    std::int32_t negative[INPUTS];    // 0 or -1: the weight's sign as a mask
    int critical_wrong = 0;           // margins -1
    int critical = 0;                 // margins +1 and -1

    explicit Perceptron(u64 seed) {
        SlowRandom random{seed};
        for (auto& mask : negative) mask = random.sign() < 0 ? -1 : 0;
        for (int i = 0; i < INPUTS; ++i)
            for (int pattern = 0; pattern < PATTERNS; ++pattern)
                if (random.sign() > 0) set_bit(column[i], pattern);
        for (int pattern = 0; pattern < PATTERNS; ++pattern) {
            const int margin = recomputed_margin(pattern);
            set_bit(valid, pattern);
            margins.set(pattern, margin);
            critical += margin == 1 || margin == -1;
            critical_wrong += margin == -1;
        }
        margins.set_padding(PATTERNS);
    }

    int propose(u32 i, int level) const {
        Word counts = Word{};
#pragma GCC unroll 8
        for (int w = 0; w < WORDS; ++w) counts += ones(margins.critical[w] & column[i][w]);
        const int touched = total(counts), mask = negative[i];
        // w = +1: touched - critical_wrong; w = -1: critical - touched - critical_wrong. Without a branch:
        // it would be mispredicted half the time.
        return level + ((touched ^ mask) - mask) + (mask & critical) - critical_wrong;
    }

    void commit(u32 i) {
        const Word sign = spread<Word>((std::int64_t)negative[i]);
        Word counts = Word{}, counts_wrong = Word{};
#pragma GCC unroll 8
        for (int w = 0; w < WORDS; ++w) {
            margins.shift(w, valid[w], sign ^ column[i][w]);
            counts += ones(margins.critical[w]);
            counts_wrong += ones(margins.critical[w] & margins.negative(w));
        }
        critical = total(counts);
        critical_wrong = total(counts_wrong);
        negative[i] = ~negative[i];
    }

    int level() const {
        Word counts = Word{};
        for (int w = 0; w < WORDS; ++w) counts += ones(margins.negative(w));
        return total(counts);
    }

    int recomputed_margin(int pattern) const {
        Word bit[WORDS] = {};
        set_bit(bit, pattern);
        int margin = 0;
        for (int i = 0; i < INPUTS; ++i) {
            Word hit = Word{};
            for (int w = 0; w < WORDS; ++w) hit += ones(bit[w] & column[i][w]);
            margin += (total(hit) ? 1 : -1) * (negative[i] ? -1 : 1);
        }
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
#ifndef WORD
#define WORD std::conditional_t<PATTERNS <= 192, u64, Lanes>
#endif
    using State = Perceptron<WORD>;
    auto state = std::make_unique<State>(options.seed);
    return run_yardstick("perceptron", {{"inputs", INPUTS}, {"patterns", PATTERNS}}, *state,
                         stationary_ln_g(PATTERNS, options.fraction), options);
}
