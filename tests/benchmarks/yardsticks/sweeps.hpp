// What yardsticks of message passing share: their options, the clock around whole sweeps, and the line that they print.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

struct Options {
    long steps, warm_up, repeats = 1, seed = 1;
    Options(int count, char** arguments, long steps, long warm_up) : steps(steps), warm_up(warm_up) {
        for (int i = 1; i + 1 < count; i += 2) {
            const std::string key = arguments[i];
            (key == "--steps" ? this->steps : key == "--repeats" ? repeats : key == "--seed" ? seed : this->warm_up) =
                std::atol(arguments[i + 1]);
        }
    }
};

// Time `sweep()`, which takes `size` steps; level: the overlap q of the fixed point in `total`. The exit status.
template <class Sweep>
int measure(const char* name, const Options& options, long size, const std::vector<double>& total, Sweep sweep) {
    for (long k = 0; k <= options.warm_up / size; ++k) sweep();
    std::printf("{\"name\": \"%s\", \"ns_per_step\": [", name);
    const long sweeps = std::max(1L, options.steps / size);
    for (long r = 0; r < options.repeats; ++r) {
        timespec a, b;
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a);
        for (long k = 0; k < sweeps; ++k) sweep();
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &b);
        std::printf("%s%.4f", r ? ", " : "", ((b.tv_sec - a.tv_sec) * 1e9 + (b.tv_nsec - a.tv_nsec)) / (double(sweeps) * size));
    }
    double overlap = 0;
    for (double field : total) overlap += std::tanh(field) * std::tanh(field) / total.size();
    std::printf("], \"acceptance\": 1.0, \"level\": %.4f}\n", overlap);
    return overlap > 0 && overlap < 1 ? 0 : 1;
}
