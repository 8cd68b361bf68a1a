// Approximate message passing for a perceptron: INPUTS weights +-1, PATTERNS random +-1 patterns of one byte an input, one sweep over
// all patterns. A step is one pattern and weight. The work is that of solvers/amp.py, sums in 64 parts.
#pragma GCC optimize("no-math-errno", "no-trapping-math", "no-signed-zeros", "finite-math-only")
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "exp.hpp"
#include "sweeps.hpp"

constexpr int N = INPUTS, P = PATTERNS, PARTS = 64;

[[gnu::noinline]] void sweep(const std::int8_t* x, double* __restrict response, double* __restrict total,
                             double* __restrict mean, double* __restrict field) {
    double variance = 0, bends = 0;
    for (int i = 0; i < N; ++i) {
        const double e = exp_minus(2.0 * std::fabs(total[i])), inverse = 1.0 / (1.0 + e), m = (1.0 - e) * inverse;
        mean[i] = total[i] >= 0 ? m : -m;
        variance += 4.0 * e * inverse * inverse;
        field[i] = 0;
    }
    const double scale = 1.0 / std::sqrt(variance > 0.1 ? variance : 0.1);
    for (int p = 0; p < P; ++p) {
        const std::int8_t* __restrict row = x + std::size_t(p) * N;
        double parts[PARTS] = {}, sum = 0;
        for (int i = 0; i + PARTS <= N; i += PARTS)
            for (int k = 0; k < PARTS; ++k) parts[k] += row[i + k] * mean[i + k];
        for (int i = N / PARTS * PARTS; i < N; ++i) parts[i % PARTS] += row[i] * mean[i];
        for (int k = 0; k < PARTS; ++k) sum += parts[k];
        const double z = (sum - variance * response[p]) * scale;
        const double below = 0.5 * std::erfc(-z * 0.7071067811865476);
        const double first = 0.3989422804014327 * std::exp(-0.5 * z * z) / (below > 1e-300 ? below : 1e-300);
        const double answer = first * scale;
        response[p] = answer;
        bends += first * (z + first) * scale * scale;
        for (int i = 0; i < N; ++i) field[i] += row[i] * answer;
    }
    for (int i = 0; i < N; ++i) total[i] = field[i] + mean[i] * bends;
}

int main(int count, char** arguments) {
    const Options options(count, arguments, 50'000'000, 30L * N * P);
    std::mt19937_64 random(options.seed);
    std::normal_distribution<double> normal;
    std::vector<std::int8_t> x(std::size_t(N) * P);
    std::vector<double> response(P), total(N), mean(N), field(N);
    for (auto& value : x) value = random() & 1 ? 1 : -1;
    for (auto& value : total) value = 0.01 * normal(random);
    return measure("amp", options, long(N) * P, total, [&] { sweep(x.data(), response.data(), total.data(), mean.data(), field.data()); });
}
