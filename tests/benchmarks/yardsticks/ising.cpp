// One Wang-Landau walker on the L x L Ising model with periodic borders, E = -sum s_i s_j; level = (E + 2 N) / 4.
#include "common.hpp"
#include <algorithm>
#include <memory>

#ifndef LENGTH
#define LENGTH 16
#endif

struct Ising {
    static constexpr int N = LENGTH * LENGTH, MOVES = N;
    static_assert(std::has_single_bit((unsigned)LENGTH), "neighbours are found by masks: LENGTH is a power of two");

    // Not int8_t: stores of a character type may alias everything else.
    std::int16_t spin[N];
    // The change of level at a flip, kept for every site: a proposal is one load, and only an acceptance
    // touches neighbours.
    std::int32_t change[N];

    explicit Ising(u64 seed) {
        SlowRandom random{seed};
        for (auto& s : spin) s = (std::int16_t)random.sign();
        for (u32 site = 0; site < N; ++site)
            change[site] =
                spin[site] * (spin[up(site)] + spin[down(site)] + spin[right(site)] + spin[left(site)]) / 2;
    }

    static u32 up(u32 site) { return (site + LENGTH) & (N - 1); }
    static u32 down(u32 site) { return (site - LENGTH) & (N - 1); }
    static u32 right(u32 site) { return (site & ~(LENGTH - 1u)) | ((site + 1) & (LENGTH - 1)); }
    static u32 left(u32 site) { return (site & ~(LENGTH - 1u)) | ((site - 1) & (LENGTH - 1)); }

    int propose(u32 site, int level) const { return level + change[site]; }

    void commit(u32 site) {
        const int s = spin[site];
        spin[site] = (std::int16_t)-s;
        change[site] = -change[site];
        for (const u32 neighbour : {up(site), down(site), right(site), left(site)})
            change[neighbour] -= s * spin[neighbour];
    }

    int recomputed_level() const {
        int energy = 0;
        for (u32 site = 0; site < N; ++site) energy -= spin[site] * (spin[up(site)] + spin[right(site)]);
        return (energy + 2 * N) / 4;
    }
    int level() const { return recomputed_level(); }
};

// Onsager's energy per spin of the infinite lattice; the elliptic integral by the arithmetic-geometric mean.
static double onsager_energy(double beta) {
    const double t = std::tanh(2 * beta), k = 2 * std::sinh(2 * beta) / std::pow(std::cosh(2 * beta), 2);
    double a = 1, g = std::sqrt(std::max(1 - k * k, 1e-30));
    for (int i = 0; i < 40; ++i) {
        const double mean = (a + g) / 2;
        g = std::sqrt(a * g);
        a = mean;
    }
    return -(1 + (2 * t * t - 1) / a) / t;
}

// ln g by integrating beta(E), symmetric in E, and held near `fraction` by the same well as the other yardsticks: the
// entropy of independent coins would be too far from the true one to keep the walk there.
static std::vector<double> ising_ln_g(double fraction) {
    std::vector<double> ln_g(Ising::N + 1, 0.0);
    for (int level = 0; level < Ising::N; ++level) {
        const double energy = -2 + 4 * (level + 0.5) / Ising::N;
        double low = 1e-6, high = 5;
        for (int i = 0; i < 60; ++i) {
            const double middle = (low + high) / 2;
            (onsager_energy(middle) > -std::abs(energy) ? low : high) = middle;
        }
        ln_g[level + 1] = ln_g[level] + 4 * std::copysign(low, -energy);
    }
    for (int level = 0; level <= Ising::N; ++level) ln_g[level] += well(level, Ising::N, fraction);
    return ln_g;
}

int main(int argc, char** argv) {
    const Options options(argc, argv);
    auto state = std::make_unique<Ising>(options.seed);
    return run_yardstick("ising", {{"length", LENGTH}}, *state, ising_ln_g(options.fraction), options);
}
