// Belief propagation for a perceptron: INPUTS weights +-1, PATTERNS random +-1 patterns, one sweep over all messages, pattern
// by pattern, with the Gaussian factor to third order. A step is one message. The elementwise work is that of solvers/: the same
// branch-free exp and normal tail, in loops that the compiler turns into vector instructions.
#pragma GCC optimize("no-math-errno", "no-trapping-math", "no-signed-zeros", "finite-math-only", "no-tree-dominator-opts", "no-thread-jumps")
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "exp.hpp"
#include "sweeps.hpp"

constexpr int N = INPUTS, P = PATTERNS;

static inline double message(double x, double mean, double spread, double center, double variance) {
    const double room = variance - spread;
    const double scale = 1.0 / std::sqrt(room > 0.1 ? room : 0.1);
    double z = (center - mean) * scale;
    z = z > -35.0 ? z : -35.0;
    z = z < 35.0 ? z : 35.0;
    const double a = std::fabs(z) * 0.7071067811865476, t = (a - 3.75) / (a + 3.75);
    double p = 2.204671904184992e-05 * t - 0.0002241167467058612;
    p = p * t + 0.00033016745587477274;
    p = p * t + 0.0016759122178916829;
    p = p * t - 0.009770087182927779;
    p = p * t + 0.028409252364202015;
    p = p * t - 0.05868544049386002;
    p = p * t + 0.09229076959127594;
    p = p * t - 0.10880522754944467;
    p = p * t + 0.08227841998347528;
    p = p * t + 0.0035854953140582457;
    p = p * t - 0.14024065832138669;
    p = p * t + 1.2375126300327;
    const double e = exp_minus(a * a), tail = 0.5 * e * p / (1.0 + 2.0 * a);
    const double below = z < 0 ? tail : 1.0 - tail;
    const double first = 0.3989422804014327 * e / (below > 1e-300 ? below : 1e-300);
    const double second = -first * (z + first), third = -second * (z + first) - first * (1.0 + second);
    const double d = x * scale, u = d * (first + d * d * third * (1.0 / 6.0));
    return u < -20.0 ? -20.0 : u > 20.0 ? 20.0 : u;
}

[[gnu::noinline]] void sweep(const double* x, double* u, double* __restrict total, double* __restrict mean,
                             double* __restrict spread) {
    for (int p = 0; p < P; ++p) {
        const double* __restrict row = x + std::size_t(p) * N;
        double* __restrict old = u + std::size_t(p) * N;
        for (int i = 0; i < N; ++i) {
            const double h = total[i] - old[i], e = exp_minus(2.0 * std::fabs(h)), inverse = 1.0 / (1.0 + e);
            const double m = (1.0 - e) * inverse;
            mean[i] = row[i] * (h >= 0 ? m : -m);
            spread[i] = row[i] * row[i] * (4.0 * e * inverse * inverse);
        }
        double center[8] = {}, variance[8] = {};
        for (int i = 0; i + 8 <= N; i += 8)
            for (int k = 0; k < 8; ++k) center[k] += mean[i + k], variance[k] += spread[i + k];
        for (int i = N / 8 * 8; i < N; ++i) center[0] += mean[i], variance[0] += spread[i];
        double m = 0, s = 0;
        for (int k = 0; k < 8; ++k) m += center[k], s += variance[k];
        for (int i = 0; i < N; ++i) {
            const double change = message(row[i], mean[i], spread[i], m, s) - old[i];
            total[i] += change;
            old[i] += change;
        }
    }
}

int main(int count, char** arguments) {
    const Options options(count, arguments, 5'000'000, N * P);
    std::mt19937_64 random(options.seed);
    std::normal_distribution<double> normal;
    std::vector<double> x(std::size_t(N) * P), u(x.size()), total(N), mean(N), spread(N);
    for (auto& value : x) value = random() & 1 ? 1.0 : -1.0;
    for (std::size_t k = 0; k < u.size(); ++k) u[k] = 0.01 * normal(random), total[k % N] += u[k];
    return measure("messages", options, long(N) * P, total, [&] { sweep(x.data(), u.data(), total.data(), mean.data(), spread.data()); });
}
