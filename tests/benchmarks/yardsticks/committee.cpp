// Fully connected binary committee: HIDDEN (odd) sign units on INPUTS (odd) weights +-1 each, output by majority,
// labels folded in; level = misclassified patterns. Bit-sliced: a proposal reads one unit's sign and critical planes.
#include "common.hpp"
#include <memory>

#ifndef INPUTS
#define INPUTS 201
#endif
#ifndef HIDDEN
#define HIDDEN 7
#endif
#ifndef PATTERNS
#define PATTERNS 400
#endif
#ifndef WORD
#define WORD Lanes
#endif

template <class Word> struct Committee {
    static constexpr int MOVES = HIDDEN * INPUTS, WORDS = words_for<Word>(PATTERNS);

    Margins<Word, INPUTS, WORDS> unit[HIDDEN];
    Margins<Word, HIDDEN, WORDS> output;
    Word valid[WORDS] = {};
    Word column[INPUTS][WORDS] = {};  // a one where the input is +1
    u64 negative[HIDDEN][INPUTS];     // 0 or ~0: the weight's sign as a mask
    std::int8_t input[PATTERNS][INPUTS];

    explicit Committee(u64 seed) {
        SlowRandom random{seed};
        for (auto& row : negative)
            for (auto& mask : row) mask = random.sign() < 0 ? ~0ull : 0;
        for (int pattern = 0; pattern < PATTERNS; ++pattern) {
            set_bit(valid, pattern);
            for (int i = 0; i < INPUTS; ++i) {
                input[pattern][i] = (std::int8_t)random.sign();
                if (input[pattern][i] > 0) set_bit(column[i], pattern);
            }
            for (int k = 0; k < HIDDEN; ++k) unit[k].set(pattern, unit_margin(k, pattern));
            output.set(pattern, output_margin(pattern));
        }
        for (auto& margins : unit) margins.set_padding(PATTERNS);
        output.set_padding(PATTERNS);
    }

    int propose(u32 move, int level) const {
        const u32 k = move / INPUTS, i = move % INPUTS;
        const Word sign = spread<Word>(negative[k][i]);
        Word turned_tally = Word{}, repaired_tally = Word{};
#pragma GCC unroll 4
        for (int w = 0; w < WORDS; ++w) {
            const Word unit_negative = unit[k].negative(w), down = sign ^ column[i][w];
            const Word flipped = and_differ(unit[k].critical[w], down, unit_negative);
            // The output turns where it is critical and the unit that flips was on its side.
            const Word turned = flipped & and_equal(output.critical[w], unit_negative, output.negative(w));
            turned_tally += ones(turned);
            repaired_tally += ones(turned & unit_negative);
        }
        return level + total(turned_tally - repaired_tally - repaired_tally);
    }

    void commit(u32 move) {
        const u32 k = move / INPUTS, i = move % INPUTS;
        const Word sign = spread<Word>(negative[k][i]);
#pragma GCC unroll 4
        for (int w = 0; w < WORDS; ++w) {
            const Word unit_negative = unit[k].negative(w), down = sign ^ column[i][w];
            const Word flipped = and_differ(unit[k].critical[w], down, unit_negative);
            unit[k].shift(w, valid[w], down);
            output.shift(w, flipped, ~unit_negative);
        }
        negative[k][i] = ~negative[k][i];
    }

    int level() const {
        Word counts = Word{};
        for (int w = 0; w < WORDS; ++w) counts += ones(output.negative(w));
        return total(counts);
    }

    int unit_margin(int k, int pattern) const {
        int margin = 0;
        for (int i = 0; i < INPUTS; ++i) margin += negative[k][i] ? -input[pattern][i] : input[pattern][i];
        return margin;
    }
    int output_margin(int pattern) const {
        int margin = 0;
        for (int k = 0; k < HIDDEN; ++k) margin += unit_margin(k, pattern) < 0 ? -1 : 1;
        return margin;
    }
    int recomputed_level() const {
        int wrong = 0;
        for (int pattern = 0; pattern < PATTERNS; ++pattern) wrong += output_margin(pattern) < 0;
        return wrong;
    }
};

int main(int argc, char** argv) {
    const Options options(argc, argv);
    auto state = std::make_unique<Committee<WORD>>(options.seed);
    return run_yardstick("committee", {{"inputs", INPUTS}, {"hidden", HIDDEN}, {"patterns", PATTERNS}}, *state,
                         stationary_ln_g(PATTERNS, options.fraction), options);
}
