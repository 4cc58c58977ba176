// SPDX-License-Identifier: Apache-2.0
#include "cli/protocol_trace.hpp"

#include "cli/json_writer.hpp"
#include "cli/message_view.hpp"
#include "hp/base/time.hpp"
#include "hp/client/rfc3339.hpp"
#include "hp/os/files.hpp"
#include "hp/os/log_sinks.hpp"

#include <algorithm>
#include <fcntl.h>
#include <sys/stat.h>

namespace hp::cli {
namespace {

constexpr std::string_view masked = "(not recorded)";

// {"type":"user_challenge_response","sig":...}, before it is shown.
void mask_secrets(proto::Value& message) {
    const proto::Value* type = message.find("type", proto::Value::Type::string);
    if (type == nullptr || type->text != "user_challenge_response") {
        return;
    }
    for (auto& [name, member] : message.members) {
        if (name == "sig") {
            member.type = proto::Value::Type::string;
            member.text = masked;
        }
    }
}

} // namespace

std::string trace_line(const std::string& url, bool is_ours, ByteView message) {
    JsonObject out;
    out.add("url", url).add("direction", is_ours ? "sent" : "received");
    out.add("bytes", std::uint64_t{message.size()});
    auto decoded = decode_any(message);
    if (!decoded) {
        out.add_bytes("raw", message);
        return out.text();
    }
    mask_secrets(decoded->value);
    out.add("encoding", decoded->encoding == proto::Encoding::json ? "json" : "bson");
    return out.add_raw("message", message_json(decoded->value)).text();
}

tl::expected<std::shared_ptr<ProtocolTrace>, Failure> ProtocolTrace::open(const std::string& path) {
    auto file = os::open_file(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
    if (!file) {
        return failure(ErrorId::bad_file, "--trace: " + file.err().context);
    }
    if (::fchmod(file->get(), 0600) != 0) { // one that was there already
        return failure(ErrorId::bad_file, "--trace: " + path + ": " + errno_text(errno));
    }
    return std::shared_ptr<ProtocolTrace>(new ProtocolTrace(std::move(*file)));
}

void ProtocolTrace::on_message(const std::string& url, bool is_ours, ByteView message) {
    JsonObject time;
    time.add_time("time", SystemClock().now().wall_ms);
    const std::string head = time.text();
    const std::string line =
        head.substr(0, head.size() - 1) + "," + trace_line(url, is_ours, message).substr(1) + "\n";
    (void)os::write_all(file_.get(), as_bytes(line)); // a full disk is no reason to stop
}

tl::expected<void, Failure> start_records(Args& args) {
    if (!args.connection.trace_file.empty()) {
        auto trace = ProtocolTrace::open(args.connection.trace_file);
        if (!trace) {
            return tl::unexpected(std::move(trace.error()));
        }
        args.trace = std::move(*trace);
    }
    const std::string& path = args.connection.log_file;
    if (!path.empty()) { // everything; stderr gets it too with --verbose
        const os::LogFileOptions file{path};
        auto sink = os::make_log_sink(args.verbose && !args.quiet, &file);
        if (!sink) {
            return failure(ErrorId::bad_file, "--log-file: " + sink.err().context);
        }
        args.log = Log(*sink, LogLevel::debug, "cli");
    } else if (!args.quiet) {
        if (auto sink = os::make_log_sink(true, nullptr)) {
            args.log = Log(*sink, args.verbose ? LogLevel::debug : LogLevel::warning, "cli");
        }
    }
    return {};
}

} // namespace hp::cli
