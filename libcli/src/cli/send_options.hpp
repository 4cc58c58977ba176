// SPDX-License-Identifier: Apache-2.0
// The options of `send`, checked. Pure.
#pragma once

#include "cli/json_match.hpp"
#include "cli/options.hpp"
#include "cli/payload.hpp"
#include "cli/program.hpp"

#include <set>
#include <string>

namespace hp::cli {

enum class SendWait : std::uint8_t { sent, ledger, output };
enum class SendPrint : std::uint8_t { outputs, all, none };
enum class ProgramLanguage : std::uint8_t { sh, js, cpp };

struct SendOptions {
    SendWait wait = SendWait::output;
    Expiry expires{false, 8};
    std::optional<std::uint64_t> nonce;
    PayloadFormat format = PayloadFormat::as_is;
    bool text = false;
    bool require_output = false;
    bool raw = false;
    bool offline = false;
    std::string proof_file;
    SendPrint print = SendPrint::outputs;
    std::string save_dir;                      // outputs go there as files
    bool progress = false;                     // of sending
    std::optional<ProgramLanguage> as_program; // print one instead of sending

    std::uint64_t rounds = 1;
    std::uint64_t outputs = 0; // so many messages end the wait; 0: those of the first ledger
    std::optional<Match> match;
    std::optional<std::vector<std::string>> until; // a path; the output that has it ends the wait

    // What has to come before the wait for outputs is over.
    bool is_awaited(ByteView output) const;
    bool awaits_some() const { return match || until; }

    std::set<proto::RejectReason> retry;
    std::uint64_t retries = 3;

    bool stream = false; // one input a record of standard input
    char separator = '\n';
    std::uint64_t inflight = 16;
};

extern const std::span<const OptionInfo> send_option_table;

Parsed<SendOptions> check_send(const Args& args);

} // namespace hp::cli
