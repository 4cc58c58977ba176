// SPDX-License-Identifier: Apache-2.0
#include "cli/send_options.hpp"

#include <algorithm>

namespace hp::cli {
namespace {

constexpr std::array option_table = {
    OptionInfo{"--wait", "sent|ledger|output", "what to wait for (default output)"},
    OptionInfo{"--text", "", "the argument is text, whatever it looks like"},
    OptionInfo{"--format", "text|json|bson|hex|base64|file",
               "what the payload is or shall be; file: its name is given"},
    OptionInfo{"--lines", "", "one input for every line of standard input"},
    OptionInfo{"--ndjson", "", "the same, and every line must be JSON"},
    OptionInfo{"--null", "", "the same, with records that end with a NUL byte"},
    OptionInfo{"--inflight", "N", "inputs on their way at the same time (default 16)"},
    OptionInfo{"--expires", "+N|@SEQ", "last ledger it may enter (default +8)"},
    OptionInfo{"--nonce", "auto|N", "position among this key's inputs (default auto)"},
    OptionInfo{"--require-output", "", "no output is an error (exit 6)"},
    OptionInfo{"--outputs", "N", "wait until so many output messages have come"},
    OptionInfo{"--match", "PATH=VALUE", "wait for an output like this, such as $.total=5"},
    OptionInfo{"--until", "PATH", "wait for an output that has this, such as $.done"},
    OptionInfo{"--rounds", "N", "ledgers to wait for outputs (default 1, with those above 8)"},
    OptionInfo{"--retry", "REASONS", "repeat after these rejections, separated by commas"},
    OptionInfo{"--retries", "N", "how often (default 3)"},
    OptionInfo{"--proof", "FILE", "keep the outputs' proof for \"proof verify\""},
    OptionInfo{"--raw", "", "print the outputs' bytes and nothing between them"},
    OptionInfo{"--print", "outputs|all|none",
               "all: also the input's hash, ledger and signatures (default outputs)"},
    OptionInfo{"--save", "DIR", "write each output to a file there and print the files' names"},
    OptionInfo{"--progress", "", "show how much of a big input has been sent"},
    OptionInfo{"--as", "sh|js|cpp", "print a program that does the same, send nothing"},
    OptionInfo{"--offline", "", "print the signed message, send nothing (with --expires @SEQ)"},
};

std::optional<SendWait> parse_wait(std::string_view text) {
    if (text == "sent") {
        return SendWait::sent;
    }
    if (text == "ledger" || text == "output") {
        return text == "ledger" ? SendWait::ledger : SendWait::output;
    }
    return std::nullopt;
}

template <class T, std::size_t n>
std::optional<T> one_of(const std::array<std::string_view, n>& words, std::string_view text) {
    const auto found = std::ranges::find(words, text);
    return found == words.end() ? std::nullopt
                                : std::optional(static_cast<T>(found - words.begin()));
}

std::optional<SendPrint> parse_print(std::string_view text) {
    return one_of<SendPrint, 3>({"outputs", "all", "none"}, text);
}

std::optional<ProgramLanguage> parse_language(std::string_view text) {
    return one_of<ProgramLanguage, 3>({"sh", "js", "cpp"}, text);
}

// Reasons after which the input is certainly in no ledger and another try makes sense.
std::optional<std::set<proto::RejectReason>> parse_retry(std::string_view text) {
    using Reason = proto::RejectReason;
    constexpr std::array safe = {Reason::max_ledger_expired, Reason::nonce_expired,
                                 Reason::round_inputs_overflow, Reason::max_ledger_offset_exceeded};
    std::set<Reason> out;
    for (const std::string& word : split_list(text)) {
        const auto reason = proto::parse_reject_reason(word);
        if (!reason || std::ranges::find(safe, *reason) == safe.end()) {
            return std::nullopt;
        }
        out.insert(*reason);
    }
    return out.empty() ? std::nullopt : std::optional(out);
}

Parsed<void> check_combination(const Args& args, const SendOptions& options) {
    const bool about_outputs = options.require_output || options.outputs > 0 ||
                               options.awaits_some() || options.raw || args.options.has("rounds") ||
                               !options.proof_file.empty() || !options.save_dir.empty();
    if (about_outputs && options.wait != SendWait::output) {
        return failure(ErrorId::usage, "options about outputs need --wait output");
    }
    if (options.stream && !args.arguments.empty()) {
        return failure(ErrorId::usage, "with --lines the inputs come from standard input");
    }
    if (options.stream && (options.nonce || !options.proof_file.empty())) {
        return failure(ErrorId::usage, "--nonce and --proof are for a single input");
    }
    if (args.options.has("print") && (args.json || options.raw)) {
        return failure(ErrorId::usage, "--print is about text: neither JSON nor --raw");
    }
    if (!options.save_dir.empty() && (options.raw || args.options.has("print"))) {
        return failure(ErrorId::usage, "--save prints the names of files: no --raw, no --print");
    }
    if (options.progress && options.stream) {
        return failure(ErrorId::usage, "--progress is about a single input");
    }
    if (options.as_program && (options.stream || options.offline || args.json)) {
        return failure(ErrorId::usage, "--as prints a program for a single input");
    }
    if (options.offline && (!options.expires.absolute || options.stream)) {
        return failure(ErrorId::usage, "--offline needs --expires @SEQ and a single input",
                       "without a node, nobody knows the current ledger");
    }
    if (args.connection.servers.empty() && !options.offline) {
        return tl::unexpected(args.connection.no_server);
    }
    return {};
}

} // namespace

bool SendOptions::is_awaited(ByteView output) const {
    if (match && !match->fits(output)) {
        return false;
    }
    const auto value = until ? value_at(output, *until) : std::nullopt;
    return !until || (value && *value != "null" && *value != "false");
}

const std::span<const OptionInfo> send_option_table = option_table;

Parsed<SendOptions> check_send(const Args& args) {
    SendOptions out;
    OptionReader reader(args);
    reader.take("wait", "sent, ledger or output", parse_wait, out.wait)
        .take("format", "text, json, bson, hex, base64 or file", parse_payload_format, out.format)
        .take("expires", "+N or @SEQ", parse_expiry, out.expires)
        .take("match", "PATH=VALUE such as $.total=5", parse_match, out.match)
        .take("until", "a path such as $.done", parse_json_path, out.until)
        .take("retry",
              "max_ledger_expired, nonce_expired, round_inputs_overflow or "
              "max_ledger_offset_exceeded",
              parse_retry, out.retry)
        .count("retries", out.retries)
        .count("outputs", out.outputs)
        .count("inflight", out.inflight)
        .take("print", "outputs, all or none", parse_print, out.print)
        .take("as", "sh, js or cpp", parse_language, out.as_program)
        .text("save", out.save_dir)
        .text("proof", out.proof_file);
    if (args.options.text("nonce") != "auto") {
        reader.take("nonce", "auto or a number above 0", parse_count, out.nonce);
    }
    out.rounds = out.outputs > 0 || out.awaits_some() ? 8 : 1;
    reader.count("rounds", out.rounds);
    out.text = reader.flag("text");
    out.require_output = reader.flag("require-output");
    out.raw = reader.flag("raw");
    out.offline = reader.flag("offline");
    out.progress = reader.flag("progress");
    out.separator = reader.flag("null") ? '\0' : '\n';
    out.stream = reader.flag("lines") || reader.flag("ndjson") || reader.flag("null");
    if (reader.flag("ndjson")) {
        out.format = PayloadFormat::json;
    }
    auto checked = reader.done(std::move(out));
    if (checked) {
        if (auto fits = check_combination(args, *checked); !fits) {
            return tl::unexpected(std::move(fits.error()));
        }
    }
    return checked;
}

} // namespace hp::cli
