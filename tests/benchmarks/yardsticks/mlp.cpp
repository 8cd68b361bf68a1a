// Binary multilayer perceptron INPUTS - HIDDEN_1 - HIDDEN_2 - 1 of sign units (all fan-ins odd), every weight +-1 and
// free, the output's too; labels folded in; level = misclassified patterns.
// The hidden layers are bit-sliced. The output keeps no margins: full adders recount its HIDDEN_2 votes for each
// proposal, which is cheaper than carrying a counter along, and needs no branch.
#include "common.hpp"
#include <memory>

#ifndef INPUTS
#define INPUTS 101
#endif
#ifndef HIDDEN_1
#define HIDDEN_1 21
#endif
#ifndef HIDDEN_2
#define HIDDEN_2 11
#endif
#ifndef PATTERNS
#define PATTERNS 400
#endif
#ifndef WORD
#define WORD Lanes
#endif

template <class Word> struct Mlp {
    static constexpr u32 FIRST = HIDDEN_1 * INPUTS, SECOND = HIDDEN_1 * HIDDEN_2;
    static constexpr int MOVES = FIRST + SECOND + HIDDEN_2, WORDS = words_for<Word>(PATTERNS);

    Margins<Word, INPUTS, WORDS> unit_1[HIDDEN_1];
    Margins<Word, HIDDEN_1, WORDS> unit_2[HIDDEN_2];
    Word valid[WORDS] = {};
    Word column[INPUTS][WORDS] = {};  // a one where the input is +1
    // The weights' signs as masks, 0 or ~0; negative_2[k][j] leads from unit k to unit j.
    u64 negative_1[HIDDEN_1][INPUTS], negative_2[HIDDEN_1][HIDDEN_2], negative_out[HIDDEN_2];
    std::int8_t input[PATTERNS][INPUTS];

    explicit Mlp(u64 seed) {
        SlowRandom random{seed};
        auto draw = [&](auto& masks) {
            for (u64& mask : masks) mask = random.sign() < 0 ? ~0ull : 0;
        };
        for (auto& row : negative_1) draw(row);
        for (auto& row : negative_2) draw(row);
        draw(negative_out);
        for (int pattern = 0; pattern < PATTERNS; ++pattern) {
            set_bit(valid, pattern);
            for (int i = 0; i < INPUTS; ++i) {
                input[pattern][i] = (std::int8_t)random.sign();
                if (input[pattern][i] > 0) set_bit(column[i], pattern);
            }
            int margin_1[HIDDEN_1], margin_2[HIDDEN_2];
            forward(pattern, margin_1, margin_2);
            for (int k = 0; k < HIDDEN_1; ++k) unit_1[k].set(pattern, margin_1[k]);
            for (int j = 0; j < HIDDEN_2; ++j) unit_2[j].set(pattern, margin_2[j]);
        }
        for (auto& margins : unit_1) margins.set_padding(PATTERNS);
        for (auto& margins : unit_2) margins.set_padding(PATTERNS);
    }

    // Where unit k of layer 1 flips when its weight i does.
    [[gnu::always_inline]] Word flipped_1(u32 k, u32 i, int w) const {
        const Word down = spread<Word>(negative_1[k][i]) ^ column[i][w];
        return and_differ(unit_1[k].critical[w], down, unit_1[k].negative(w));
    }

    // Wrong patterns when the vote of unit j into the output is reversed where turned(w, j) says.
    template <class Turned> [[gnu::always_inline]] int wrong(Turned turned) const {
        Word counts = Word{};
#pragma GCC unroll 4
        for (int w = 0; w < WORDS; ++w) {
            Word votes[HIDDEN_2];
#pragma GCC unroll 32
            for (int j = 0; j < HIDDEN_2; ++j)
                votes[j] = xor_3(unit_2[j].negative(w), turned(w, j), spread<Word>(negative_out[j]));
            counts += ones(majority<HIDDEN_2>(votes) & valid[w]);
        }
        return total(counts);
    }

    int propose(u32 move, int) const {
        if (move < FIRST) {
            const u32 k = move / INPUTS, i = move % INPUTS;
            Word flipped[WORDS], sign[WORDS];
            for (int w = 0; w < WORDS; ++w) {
                flipped[w] = flipped_1(k, i, w);
                sign[w] = unit_1[k].negative(w);
            }
            // A unit s that flips moves its product with the next weight down where that product was +1.
            return wrong([&](int w, int j) {
                const Word away = xnor_3(sign[w], spread<Word>(negative_2[k][j]), unit_2[j].negative(w));
                return and_3(flipped[w], unit_2[j].critical[w], away);
            });
        }
        if (move < FIRST + SECOND) {
            const u32 k = (move - FIRST) / HIDDEN_2, chosen = (move - FIRST) % HIDDEN_2;
            const Word sign = spread<Word>(negative_2[k][chosen]);
            return wrong([&](int w, int j) {
                const Word away = xnor_3(unit_1[k].negative(w), sign, unit_2[j].negative(w));
                return and_3(spread<Word>(-(u64)((u32)j == chosen)), unit_2[j].critical[w], away);
            });
        }
        return wrong([&](int, int j) { return spread<Word>(-(u64)((u32)j == move - FIRST - SECOND)); });
    }

    void commit(u32 move) {
        if (move < FIRST) {
            const u32 k = move / INPUTS, i = move % INPUTS;
#pragma GCC unroll 4
            for (int w = 0; w < WORDS; ++w) {
                const Word flipped = flipped_1(k, i, w), sign = unit_1[k].negative(w);
                unit_1[k].shift(w, valid[w], spread<Word>(negative_1[k][i]) ^ column[i][w]);
                for (int j = 0; j < HIDDEN_2; ++j)
                    unit_2[j].shift(w, flipped, ~(sign ^ spread<Word>(negative_2[k][j])));
            }
            negative_1[k][i] = ~negative_1[k][i];
        } else if (move < FIRST + SECOND) {
            const u32 k = (move - FIRST) / HIDDEN_2, j = (move - FIRST) % HIDDEN_2;
            for (int w = 0; w < WORDS; ++w)
                unit_2[j].shift(w, valid[w], ~(unit_1[k].negative(w) ^ spread<Word>(negative_2[k][j])));
            negative_2[k][j] = ~negative_2[k][j];
        } else {
            u64& mask = negative_out[move - FIRST - SECOND];
            mask = ~mask;
        }
    }

    int level() const {
        return wrong([](int, int) { return Word{}; });
    }

    // Margins of both hidden layers from the weights; returns the output's.
    int forward(int pattern, int* margin_1, int* margin_2) const {
        int margin = 0;
        for (int k = 0; k < HIDDEN_1; ++k) {
            margin_1[k] = 0;
            for (int i = 0; i < INPUTS; ++i) margin_1[k] += negative_1[k][i] ? -input[pattern][i] : input[pattern][i];
        }
        for (int j = 0; j < HIDDEN_2; ++j) {
            margin_2[j] = 0;
            for (int k = 0; k < HIDDEN_1; ++k) margin_2[j] += (margin_1[k] < 0) != (negative_2[k][j] != 0) ? -1 : 1;
            margin += (margin_2[j] < 0) != (negative_out[j] != 0) ? -1 : 1;
        }
        return margin;
    }
    int recomputed_level() const {
        int wrong = 0, margin_1[HIDDEN_1], margin_2[HIDDEN_2];
        for (int pattern = 0; pattern < PATTERNS; ++pattern) wrong += forward(pattern, margin_1, margin_2) < 0;
        return wrong;
    }
};

int main(int argc, char** argv) {
    const Options options(argc, argv);
    auto state = std::make_unique<Mlp<WORD>>(options.seed);
    return run_yardstick("mlp",
                         {{"inputs", INPUTS}, {"hidden_1", HIDDEN_1}, {"hidden_2", HIDDEN_2}, {"patterns", PATTERNS}},
                         *state, stationary_ln_g(PATTERNS, options.fraction), options);
}
