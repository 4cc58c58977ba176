// SPDX-License-Identifier: Apache-2.0
// Records from standard input for a task that must not block: a thread reads, the reactor gets one
// record at a time, when it asks. Reactor thread only, but for the reading itself.
#pragma once

#include "hp/base/bytes.hpp"
#include "hp/net/reactor.hpp"

#include <functional>
#include <memory>
#include <optional>

namespace hp::cli {

class LineReader {
public:
    // Records end with `separator`, which is not part of them; so does the input, but it need not.
    LineReader(net::Reactor& reactor, int fd, char separator);
    ~LineReader();
    LineReader(const LineReader&) = delete;
    LineReader& operator=(const LineReader&) = delete;

    // The next record, later; absent at the end of the input. One call at a time.
    void next(std::function<void(std::optional<Bytes>)> on_record);

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace hp::cli
