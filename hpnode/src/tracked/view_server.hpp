// SPDX-License-Identifier: Apache-2.0
// The process behind a run's view of its files: answers the kernel, passes everything on to the
// directory below, and says in the end which blocks were written. One thread; forked by a process
// that has one.
#pragma once

#include <string>

#include "hp/base/result.hpp"
#include "hp/os/fd.hpp"
#include "tracked/written.hpp"

namespace hp::tracked {

struct ViewServerStart {
    std::string directory; // whose files these are
    os::Fd fuse;           // of open_fuse()
    os::Fd control;        // a packet socket to whoever watches over the run, see below
    os::Fd report; // an empty memfd: gets what was written, or stays empty when that is unknown
    std::uint64_t file_bytes_min = limits::tracked_file_bytes_min;
};

[[noreturn]] void serve_view(ViewServerStart start);

// The other side of `control`: when the view is mounted...
void begin_view(int control);
// ... and when no process of the run is alive any more. 0 when everything that was written is in
// the files; else an errno, and the run must not count.
int end_view(int control);

// What serve_view() has reported. Errc::not_found when it is not known.
Result<Written> read_written(const os::Fd& report);

} // namespace hp::tracked
