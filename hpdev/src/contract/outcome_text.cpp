// SPDX-License-Identifier: Apache-2.0
#include "contract/outcome_text.hpp"

#include "cli/text_table.hpp"
#include "contract/dev_names.hpp"
#include "hp/base/utf8.hpp"

namespace hp::dev {
namespace {

std::string_view end_name(contract::RunEnd end) {
    switch (end) {
    case contract::RunEnd::exited:
        return "exited";
    case contract::RunEnd::signaled:
        return "signaled";
    case contract::RunEnd::timed_out:
        return "timed_out";
    case contract::RunEnd::stopped:
    case contract::RunEnd::failed:
        return "stopped";
    case contract::RunEnd::not_started:
        return "not_started";
    }
    return "stopped";
}

std::string size_text(const StateChange& change) {
    const std::string after = std::to_string(change.bytes_after);
    const std::string before = std::to_string(change.bytes_before);
    switch (change.kind) {
    case StateChange::Kind::added:
        return after + " bytes";
    case StateChange::Kind::removed:
        return "was " + before + " bytes";
    case StateChange::Kind::changed:
        return before + " -> " + after + " bytes";
    }
    return {};
}

// Each line behind a mark, so that nobody takes it for one of ours.
std::string indented(const std::string& title, const std::string& text) {
    std::string out;
    std::size_t at = 0;
    while (at < text.size()) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        out += (at == 0 ? title : std::string(title.size(), ' ')) + "| " +
               one_line(as_bytes(text).subspan(at, end - at), 4000) + "\n";
        at = end + 1;
    }
    return out;
}

} // namespace

std::string user_name(const RunOrder& order, const PublicKey& key) {
    for (const OrderUser& user : order.users) {
        if (user_keys(user.name).public_key == key) {
            return user.name;
        }
    }
    return key.hex();
}

std::string one_line(ByteView content, std::size_t bytes_max) {
    const std::string_view text = as_text(content.first(std::min(content.size(), bytes_max)));
    const std::string rest =
        content.size() > bytes_max ? "... (" + std::to_string(content.size()) + " bytes)" : "";
    if (content.size() <= bytes_max && !is_utf8(as_text(content))) {
        return "0x" + to_hex(content);
    }
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '\n') {
            out += "\\n";
        } else {
            out += byte < 0x20 || byte == 0x7f ? '?' : c;
        }
    }
    return out + rest;
}

std::optional<cli::ErrorId> broken_run(const RunOutcome& run) {
    if (run.result.end == contract::RunEnd::timed_out) {
        return cli::ErrorId::contract_too_slow;
    }
    const bool fine = run.result.end == contract::RunEnd::exited && run.result.code == 0 &&
                      run.result.post_exec.verdict != contract::PostExecVerdict::failed;
    return fine ? std::nullopt : std::optional(cli::ErrorId::contract_failed);
}

std::string outcome_text(const RunOutcome& run, const RunOrder& order) {
    const contract::RunStats& stats = run.result.stats;
    std::string out = "end         " + contract::describe(run.result) + ", " +
                      std::to_string(stats.wall_us / 1000) + " ms, " +
                      std::to_string(stats.max_rss_kib / 1024) + " MiB\n";
    for (const contract::UserOutputs& user : run.result.outputs) {
        for (const Bytes& message : user.messages) {
            out += "output      " + user_name(order, user.key) + ": " + one_line(message) + "\n";
        }
    }
    for (const Bytes& message : run.npl) {
        out += "npl         " + one_line(message) + "\n";
    }
    for (const StateChange& change : run.changes) {
        std::string kind(to_string(change.kind));
        kind.resize(12, ' ');
        out += kind + change.path + "  " + size_text(change) + "\n";
    }
    if (run.changes.empty()) {
        out += "state       unchanged\n";
    }
    out += "state hash  " + run.after.state->hash.hex() + "\n";
    if (run.result.post_exec.verdict != contract::PostExecVerdict::none) {
        out += "post_exec   " + contract::describe(run.result.post_exec) + "\n";
    }
    for (const std::string& note : run.result.notes) {
        out += "note        " + one_line(as_bytes(note)) + "\n";
    }
    return out + indented("stdout      ", run.printed) + indented("stderr      ", run.complained);
}

void add_outcome(cli::JsonObject& out, const RunOutcome& run, const RunOrder& order) {
    cli::JsonArray outputs, changes, npl, notes;
    for (const contract::UserOutputs& user : run.result.outputs) {
        for (const Bytes& message : user.messages) {
            cli::JsonObject one;
            outputs.add_raw(
                one.add("user", user_name(order, user.key)).add_content("data", message).text());
        }
    }
    for (const StateChange& change : run.changes) {
        cli::JsonObject one;
        one.add("change", to_string(change.kind)).add("path", change.path);
        one.add("bytes_before", change.bytes_before).add("bytes_after", change.bytes_after);
        changes.add_raw(one.text());
    }
    for (const Bytes& message : run.npl) {
        npl.add_raw(cli::JsonObject().add_content("data", message).text());
    }
    for (const std::string& note : run.result.notes) {
        notes.add(note);
    }
    const contract::RunStats& stats = run.result.stats;
    const auto number = [](std::int64_t value) { return static_cast<std::uint64_t>(value); };
    out.add("end", end_name(run.result.end)).add("code", number(run.result.code));
    out.add("wall_us", number(stats.wall_us)).add("cpu_us", number(stats.cpu_us));
    out.add("max_rss_kib", number(stats.max_rss_kib));
    out.add("outputs", outputs).add("changes", changes);
    out.add("state_hash", run.after.state->hash.hex()).add("npl", npl);
    out.add("stdout", run.printed).add("stderr", run.complained).add("notes", notes);
    if (run.result.post_exec.verdict != contract::PostExecVerdict::none) {
        out.add("post_exec", contract::describe(run.result.post_exec));
    }
}

} // namespace hp::dev
