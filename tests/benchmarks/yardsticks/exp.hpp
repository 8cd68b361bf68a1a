// exp(-y) for y >= 0 without branches, as in solvers/normal.py.
#pragma once
#include <cstdint>
#include <cstring>

static inline double exp_minus(double y) {
    y = y < 690.0 ? y : 690.0;
    const double shifted = y * 1.4426950408889634 + 6755399441055744.0, n = shifted - 6755399441055744.0;
    const double r = (n * 0.693147180369123816490 - y) + n * 1.90821492927058770002e-10;
    double p = 2.7557319223985893e-06 * r + 2.48015873015873e-05;
    p = p * r + 0.0001984126984126984;
    p = p * r + 0.001388888888888889;
    p = p * r + 0.008333333333333333;
    p = p * r + 0.041666666666666664;
    p = p * r + 0.16666666666666666;
    p = p * r + 0.5;
    p = p * r + 1.0;
    p = p * r + 1.0;
    std::uint64_t bits;
    std::memcpy(&bits, &shifted, 8);
    bits = (std::uint64_t(1023) << 52) - (bits << 52);
    double power;
    std::memcpy(&power, &bits, 8);
    return p * power;
}
