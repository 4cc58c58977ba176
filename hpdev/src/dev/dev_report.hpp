// SPDX-License-Identifier: Apache-2.0
// What `dev` tells: the same events as lines for people and as JSON documents. One thread.
#pragma once

#include "cli/args.hpp"
#include "cli/json_writer.hpp"
#include "cluster/expected.hpp"
#include "cluster/log_records.hpp"

#include <string>

namespace hp::dev {

// "  build     ok      1.9s   4 files, 412 KiB"
struct DevEvent {
    std::string name;          // for people: "build", "ledger 12", "n2"
    std::string result;        // ok, failed, warning, ...; may be empty
    std::int64_t took_ms = -1; // -1: no matter
    std::string text;          // for people
    cli::JsonObject members{}; // for programs
    std::string kind{};        // for programs, when it is not the name
};

class DevReport {
public:
    explicit DevReport(const cli::Args& args);

    Done show(const DevEvent& event) const;
    Done show(const LogRecord& record) const;

private:
    cli::JsonObject begin(const std::string& name) const;

    const cli::Args& args_;
    std::int64_t begun_ms_;
};

inline constexpr std::string_view dev_fields =
    "ok:bool event?:build|check|nodes|ledger|users|keys|dashboard|deploy|node|log|end "
    "at_ms?:int result?:text took_ms?:int text?:text files?:int bytes?:int changed?:[text] "
    "cases?:int findings?:int nodes?:int tolerates?:int ledger?:int state_hash?:text urls?:[text] "
    "keys?:[text] url?:text node?:int state?:text log?:[text] source?:core|contract|stderr "
    "level?:text module?:text local_time?:text code?:text";

} // namespace hp::dev
