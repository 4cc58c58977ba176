// SPDX-License-Identifier: Apache-2.0
// Tells whether somebody set the machine's clock. Times of files prove that nothing was written
// since only while the clock goes forward by itself: one that was set back may stamp a later write
// with an earlier time again.
// One owner thread.
#pragma once

#include "hp/os/fd.hpp"

namespace hp::state {

class ClockWatch {
public:
    ClockWatch();
    // Since the object was made, or since the last forget(). Where the system cannot tell: always.
    bool was_set();
    void forget();

private:
    void arm();

    os::Fd timer_;
    bool was_set_ = false;
};

} // namespace hp::state
