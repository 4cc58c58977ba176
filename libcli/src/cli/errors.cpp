// SPDX-License-Identifier: Apache-2.0
#include "cli/errors.hpp"

#include "cli/json_writer.hpp"

namespace hp::cli {
namespace {

// Parts of messages come from servers; none of them may steer the terminal.
std::string printable(std::string_view text) {
    std::string out(text);
    for (char& c : out) {
        const auto byte = static_cast<unsigned char>(c);
        c = byte < 0x20 || byte == 0x7f ? '?' : c;
    }
    return out;
}

} // namespace

std::string describe(std::string_view program, const Failure& failure, bool color) {
    std::string out(program);
    out += color ? ": \x1b[31merror\x1b[0m " : ": error ";
    out += std::string(info(failure.id).code) + ": " + printable(failure.message) + "\n";
    for (const auto& [name, value] : failure.detail) {
        out += "  " + name + ": " + printable(value) + "\n";
    }
    if (!failure.hint.empty()) {
        out += "  hint: " + printable(failure.hint) + "\n";
    }
    return out;
}

std::string to_json(const Failure& failure, std::string_view schema) {
    JsonObject error;
    error.add("code", info(failure.id).code);
    error.add("exit", static_cast<std::uint64_t>(failure.exit_code()));
    error.add("message", failure.message);
    if (!failure.reason.empty()) {
        error.add("reason", failure.reason);
    }
    JsonObject detail;
    for (const auto& [name, value] : failure.detail) {
        detail.add(name, value);
    }
    error.add("detail", detail);
    if (!failure.hint.empty()) {
        error.add("hint", failure.hint);
    }
    JsonObject out;
    out.add("schema", schema).add("ok", false).add("error", error);
    return out.add_all(failure.members).text() + "\n";
}

} // namespace hp::cli
