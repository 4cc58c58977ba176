// SPDX-License-Identifier: Apache-2.0
// The command line as values. parse_args is the only user of the option parser library
// (args.cpp); everything after it works on Args. Pure except for reading the environment.
#pragma once

#include "errors.hpp"
#include "hp/base/ids.hpp"
#include "hp/proto/user_message.hpp"
#include "values.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace hp::cli {

enum class Command : std::uint8_t {
    help,
    version,
    key_new,
    key_show,
    key_list,
    send,
    read,
    status,
    lcl,
    ledger_get,
    watch,
};

// The shared options of every command that talks to a node.
struct ConnectionArgs {
    std::vector<std::string> servers; // at least one
    std::string key;                  // empty: the command's default
    proto::Encoding encoding = proto::Encoding::bson;
    std::optional<std::string> contract_id;
    std::optional<std::string> contract_version;
    std::vector<PublicKey> trusted_keys;
    std::int64_t connect_timeout_ms = 5000;
    std::optional<std::int64_t> timeout_ms;
    bool verify_tls = false;
    std::string ca_file;
    double quorum = 0.8;
};

enum class SendWait : std::uint8_t { sent, ledger, output };

struct SendArgs {
    SendWait wait = SendWait::output;
    Expiry expires{false, 8};
    std::optional<std::uint64_t> nonce;
    bool require_output = false;
};

struct WatchArgs {
    bool outputs = false;
    bool ledgers = false;
    bool votes = false;
    bool unl = false;
    bool health = false;
    std::optional<std::uint64_t> count;
};

struct LedgerArgs {
    std::optional<LedgerSeq> seq; // absent: the last one
    bool inputs = false;
    bool outputs = false;
};

struct Args {
    Command command = Command::help;
    std::string schema; // of the answer
    bool json = false;
    bool quiet = false;
    bool verbose = false;
    std::string help_text; // Command::help
    std::string key_name;  // key new, key show
    std::vector<std::string> payload;
    bool payload_is_text = false;
    ConnectionArgs connection;
    SendArgs send;
    WatchArgs watch;
    LedgerArgs ledger;
};

tl::expected<Args, Failure> parse_args(int argc, const char* const* argv);

// How an error must be shown when the command line could not be understood.
struct ErrorStyle {
    bool json = false;
    std::string schema = "hp.cli.error/1";
};
ErrorStyle guess_error_style(int argc, const char* const* argv);

} // namespace hp::cli
