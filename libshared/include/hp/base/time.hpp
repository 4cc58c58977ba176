// SPDX-License-Identifier: Apache-2.0
// Time as plain numbers. Durations and deadlines use the monotonic clock; the wall clock is only
// for timestamps that people and ledgers see. Pure code receives both as an Instant and never
// reads a clock itself; SystemClock is for the edges.
#pragma once

#include <cstdint>

namespace hp {

using TimeMs = std::int64_t; // milliseconds; which clock is said by the name of the variable

struct Instant {
    std::int64_t mono_us = 0; // monotonic, microseconds since an arbitrary start
    TimeMs wall_ms = 0;       // UNIX epoch, milliseconds

    TimeMs mono_ms() const { return mono_us / 1000; }
};

class Clock {
public:
    virtual ~Clock() = default;
    virtual Instant now() const = 0;
};

class SystemClock final : public Clock {
public:
    Instant now() const override;
};

} // namespace hp
