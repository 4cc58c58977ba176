// SPDX-License-Identifier: Apache-2.0
// The command line as values, with what it leaves open taken from the environment and from
// configuration files (settings.hpp). parse_args is the only user of the option parser library
// (args.cpp); everything after it works on Args. What every command understands is checked here; a
// command's own options stay text that the command checks before it does anything else
// (options.hpp). Reads the environment and files, and enters the folder of --directory.
#pragma once

#include "cli/errors.hpp"
#include "cli/values.hpp"
#include "hp/base/ids.hpp"
#include "hp/base/log.hpp"
#include "hp/proto/user_message.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace hp::cli {

struct CommandInfo;
struct Program;
class Presenter;
class ProtocolTrace;

// How the answer looks.
enum class OutputFormat : std::uint8_t { table, json, tsv, raw };

enum class PinMode : std::uint8_t {
    off,       // neither look at pins nor make any
    automatic, // as first_use, but nothing is remembered about servers on this machine
    first_use, // remember unknown servers, refuse changed ones
    known,     // refuse unknown ones as well
};

// The shared options of every command that talks to a node.
struct ConnectionArgs {
    std::vector<std::string> servers; // at least one
    std::string cluster;              // the local one they belong to, if they were found by it
    Failure no_server;                // why there are none, for commands that may do without
    std::string key;                  // empty: the command's default
    std::string passphrase_file;
    proto::Encoding encoding = proto::Encoding::bson;
    std::optional<std::string> contract_id;
    std::optional<std::string> contract_version;
    std::vector<PublicKey> trusted_keys;
    std::int64_t connect_timeout_ms = 5000;
    std::uint64_t min_connections = 1;      // servers that must be there when a command begins
    std::optional<std::int64_t> timeout_ms; // 0: none
    std::string proxy;                      // socks5://host:port or http://host:port
    std::string log_file, trace_file;
    bool verify_tls = false;
    std::string ca_file;
    double quorum = 0.8;
    PinMode pin = PinMode::automatic;
};

// Connection settings as text, exactly as options take them: from the command line and in context
// files.
struct Context {
    std::vector<std::string> servers, trusted_keys;
    std::optional<std::string> key, contract_id, contract_version, protocol, quorum;
};

// A command's own options by their long names without dashes; flags have no values.
class OptionValues {
public:
    void add(std::string name, std::vector<std::string> values) {
        values_[std::move(name)] = std::move(values);
    }
    void remove(std::string_view name) {
        if (const auto found = values_.find(name); found != values_.end()) {
            values_.erase(found);
        }
    }
    bool has(std::string_view name) const { return values_.contains(name); }
    // The last one given.
    std::optional<std::string> text(std::string_view name) const {
        const auto found = values_.find(name);
        return found == values_.end() || found->second.empty()
                   ? std::nullopt
                   : std::optional(found->second.back());
    }
    // In alphabetical order.
    std::vector<std::string> names() const {
        std::vector<std::string> out;
        for (const auto& [name, values] : values_) {
            out.push_back(name);
        }
        return out;
    }
    std::vector<std::string> all(std::string_view name) const {
        const auto found = values_.find(name);
        return found == values_.end() ? std::vector<std::string>() : found->second;
    }

private:
    std::map<std::string, std::vector<std::string>, std::less<>> values_;
};

struct Args {
    const Program* program = nullptr;
    const CommandInfo* command = nullptr; // null: help_text is the answer
    std::string help_text;
    std::string schema; // of the answer
    OutputFormat output = OutputFormat::table;
    bool json = false; // the command answers in JSON, be it to have columns picked from it
    std::shared_ptr<Presenter> presenter; // which does that; null: answers go out as they are
    bool quiet = false;
    bool verbose = false;
    bool yes = false;
    bool no_input = false;
    bool no_progress = false;
    bool color = false; // of what goes to stderr
    std::string config_file;
    std::vector<std::string> arguments;
    OptionValues options;
    OptionValues shared; // the program's shared options, as they were given or configured
    std::set<std::string, std::less<>> configured; // those of them that come from files
    Log log;                                       // of connections
    std::shared_ptr<ProtocolTrace> trace;          // of messages; null: none
    ConnectionArgs connection; // of a program that talks to nodes; online commands only
    Context settings;          // Scope::settings only
};

// "hpcli: ", how notes on stderr begin.
std::string note_head(const Args& args);

tl::expected<Args, Failure> parse_args(const Program& program, int argc, const char* const* argv);

// How an error must be shown when the command line could not be understood.
struct ErrorStyle {
    bool json = false;
    bool color = false;
    std::string schema;
};
ErrorStyle guess_error_style(const Program& program, int argc, const char* const* argv);

} // namespace hp::cli
