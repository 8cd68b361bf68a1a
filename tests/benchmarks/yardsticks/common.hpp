// What every yardstick shares: the command line, the Wang-Landau walk, its timing, the final check, the printed line.
//
// A `State` has
//     MOVES                       number of possible moves
//     propose(move, level)        the level after the move; writes nothing that matters if the move is then rejected
//     commit(move)                makes the move last proposed
//     level()                     the level, from the caches
//     recomputed_level()          the level, from the weights alone
#pragma once
#include "random.hpp"
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <initializer_list>
#include <string_view>
#include <utility>
#include <vector>

struct Options {
    long steps = 1'000'000, warm_up = 1'000'000, repeats = 1;
    u64 seed = 1;
    bool print_ln_g = false;  // print the fixed ln g as a JSON list, and no more: for others to start from the same
    double fraction = 0.3;  // where the walk stays: about this fraction of the levels

    Options(int argc, char** argv) {
        for (int i = 1; i < argc; i += 2) {
            const std::string_view key = argv[i];
            if (key == "--ln-g") {
                print_ln_g = true;
                --i;
                continue;
            }
            if (i + 1 == argc) fail(argv[i], "needs a value");
            const double value = std::atof(argv[i + 1]);
            if (key == "--steps") steps = (long)value;
            else if (key == "--warm-up") warm_up = (long)value;
            else if (key == "--repeats") repeats = (long)value;
            else if (key == "--seed") seed = (u64)value;
            else if (key == "--fraction") fraction = value;
            else fail(argv[i], "unknown; there are --steps --warm-up --repeats --seed --fraction --ln-g");
        }
    }
    [[noreturn]] static void fail(const char* key, const char* why) {
        std::fprintf(stderr, "%s: %s\n", key, why);
        std::exit(2);
    }
};

// What keeps the walk, and so its acceptance, in one place: a weak harmonic well around fraction * levels_max.
inline double well(int level, int levels_max, double fraction) {
    const double offset = (level - fraction * levels_max) / (0.03 * levels_max);
    return 0.5 * offset * offset;
}

// A fixed ln g for P patterns: their annealed entropy ln C(P, level), and the well.
inline std::vector<double> stationary_ln_g(int patterns, double fraction) {
    std::vector<double> ln_g(patterns + 1);
    for (int level = 0; level <= patterns; ++level)
        ln_g[level] = std::lgamma(patterns + 1.0) - std::lgamma(level + 1.0) - std::lgamma(patterns - level + 1.0) +
                      well(level, patterns, fraction);
    return ln_g;
}

// CPU time of this thread in ns: what other processes on the machine do shows less than in wall time.
inline double thread_time_ns() {
    timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return 1e9 * now.tv_sec + now.tv_nsec;
}

template <class State> class Walk {
    static constexpr double LN_F = 1e-10;  // updates are done, but do not move ln g noticeably

    State& state;
    std::vector<double> ln_g;
    std::vector<u64> histogram;
    BlockRandom random;
    Block block;

public:
    int level;
    long accepted = 0;
    double level_sum = 0;

    Walk(State& state, std::vector<double> start, u64 seed)
        : state(state), ln_g(std::move(start)), histogram(ln_g.size()), random(seed), level(state.level()) {}

    [[gnu::noinline]] void advance(long blocks) {
        double* __restrict weight = ln_g.data();
        u64* __restrict visits = histogram.data();
        int now = level;
        double here = weight[now];  // weight[now], kept out of memory: the store would be waited for
        for (long done = 0; done < blocks; ++done) {
            random.fill(State::MOVES, block);
            for (int i = 0; i < Block::SIZE; ++i) {
                const u32 move = block.move[i];
                const int proposed = state.propose(move, now);
                const double there = weight[proposed];
                // Even odds: a compiler that believes in rejection, or in a select, makes the loop slower.
                if (__builtin_expect_with_probability(there - here <= block.minus_ln_u[i], 1, 0.5)) {
                    state.commit(move);
                    now = proposed;
                    here = there;
                    ++accepted;
                }
                here += LN_F;
                weight[now] = here;
                ++visits[now];
            }
            level_sum += now;
        }
        level = now;
    }
};

// Times `repeats` stretches of `steps` proposals, prints one JSON line, returns the exit status.
template <class State>
int run_yardstick(const char* name, std::initializer_list<std::pair<const char*, int>> sizes, State& state,
                  std::vector<double> ln_g, const Options& options) {
    if (options.print_ln_g) {
        for (std::size_t level = 0; level < ln_g.size(); ++level)
            std::printf("%s%.17g", level ? ", " : "[", ln_g[level]);
        std::printf("]\n");
        return 0;
    }
    Walk<State> walk(state, std::move(ln_g), options.seed + 1);
    walk.advance(options.warm_up / Block::SIZE + 1);
    walk.accepted = 0;
    walk.level_sum = 0;
    const long blocks = options.steps / Block::SIZE + 1, steps = blocks * Block::SIZE;
    std::vector<double> ns_per_step;
    for (long repeat = 0; repeat < options.repeats; ++repeat) {
        const double start = thread_time_ns();
        walk.advance(blocks);
        ns_per_step.push_back((thread_time_ns() - start) / steps);
    }

    std::printf("{\"name\": \"%s\"", name);
    for (const auto& [key, value] : sizes) std::printf(", \"%s\": %d", key, value);
    std::printf(", \"ns_per_step\": [");
    for (std::size_t r = 0; r < ns_per_step.size(); ++r) std::printf("%s%.4f", r ? ", " : "", ns_per_step[r]);
    std::printf("], \"acceptance\": %.4f, \"level\": %.1f}\n", walk.accepted / (double)(steps * options.repeats),
                walk.level_sum / (double)(blocks * options.repeats));

    const int cached = state.level(), recomputed = state.recomputed_level();
    if (walk.level == cached && cached == recomputed) return 0;
    std::fprintf(stderr, "%s: the walk is at level %d, its caches say %d, its weights %d\n", name, walk.level, cached,
                 recomputed);
    return 1;
}
