// SPDX-License-Identifier: Apache-2.0
// raw: proves who we are, then leaves the protocol to the user: every line of standard input is a
// message, every message of the server a line of standard output, both as decode and encode have
// them. What comes unasked comes, too.
#include "commands.hpp"

#include "cli/json_writer.hpp"
#include "cli/keys.hpp"
#include "cli/line_reader.hpp"
#include "cli/message_view.hpp"
#include "cli/options.hpp"
#include "cli/output.hpp"
#include "cli/session.hpp"

#include <unistd.h>

namespace hp::cli {
namespace {

// After the last line, answers may still be on their way.
constexpr std::int64_t linger_default_ms = 1000;

class RawPipe {
public:
    RawPipe(const Args& args, const client::Signer& signer, std::int64_t linger_ms)
        : args_(args), linger_ms_(linger_ms), session_(args, signer, 0), end_(session_.reactor()) {
        session_.events.on_raw = [this](ByteView message) { on_message(message); };
    }

    Outcome run() {
        reader_.emplace(session_.reactor(), STDIN_FILENO, '\n');
        return session_.run([this] { read_on(); });
    }

private:
    void read_on() {
        reader_->next([this](std::optional<Bytes> line) { on_line(std::move(line)); });
    }

    void on_line(std::optional<Bytes> line) {
        if (!line) {
            end_.arm_after(linger_ms_ * 1000, [this] { session_.finish(Answer{}); });
            return;
        }
        ++line_number_;
        if (!line->empty()) {
            const proto::Encoding encoding = args_.connection.encoding;
            const auto value = message_from_json(encoding, as_text(*line));
            if (!value || value->type != proto::Value::Type::object) {
                session_.finish(
                    failure(ErrorId::bad_payload,
                            "line " + std::to_string(line_number_) + " is not a JSON object"));
                return;
            }
            session_.client().send_raw(proto::write(encoding, *value));
        }
        read_on();
    }

    void on_message(ByteView message) {
        const auto decoded = decode_any(message);
        const std::string text =
            decoded ? message_json(decoded->value)
                    : JsonObject().add_bytes("bytes", message).text(); // not to be passed over
        if (auto written = write_answer(text + "\n"); !written) {
            session_.finish(tl::unexpected(std::move(written.error())));
        }
    }

    const Args& args_;
    const std::int64_t linger_ms_;
    Session session_;
    net::Timer end_;
    std::optional<LineReader> reader_;
    std::uint64_t line_number_ = 0;
};

Outcome run_raw(const Args& args) {
    std::int64_t linger_ms = linger_default_ms;
    OptionReader reader(args);
    reader.duration("linger", linger_ms);
    if (auto checked = reader.done(true); !checked) {
        return tl::unexpected(std::move(checked.error()));
    }
    const auto signer = session_signer(args, ephemeral_key);
    return signer ? RawPipe(args, *signer, linger_ms).run() : tl::unexpected(signer.error());
}

constexpr std::array raw_options = {
    OptionInfo{"--linger", "DUR", "go on receiving after the last line (default 1s)"},
};

constexpr std::array raw_table = {
    CommandInfo{
        "raw", "", 0, 0, Scope::online, "Pass protocol messages through as JSON lines, both ways",
        "echo '{\"type\":\"stat\"}' | hpcli raw | jq .vote_status",
        "hpcli raw --protocol json < messages.ndjson > answers.ndjson", raw_options, "", run_raw},
};

} // namespace

Commands raw_commands() {
    return raw_table;
}

} // namespace hp::cli
