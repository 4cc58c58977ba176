// SPDX-License-Identifier: Apache-2.0
#include "contract/npl_file.hpp"

#include "cli/payload.hpp"
#include "cli/values.hpp"
#include "hp/base/limits.hpp"

#include <nlohmann/json.hpp>
#include <sstream>

namespace hp::dev {
namespace {

using Json = nlohmann::ordered_json;

std::optional<Bytes> message_of(const Json& line) {
    for (const char* name : {"text", "hex", "b64"}) {
        if (!line.contains(name) || !line[name].is_string()) {
            continue;
        }
        const auto text = line[name].get<std::string>();
        const std::string_view kind = name;
        return kind == "text"  ? std::optional(to_bytes(text))
               : kind == "hex" ? from_hex(text)
                               : cli::parse_base64(text);
    }
    if (line.contains("json")) {
        return to_bytes(line["json"].dump(-1, ' ', false, Json::error_handler_t::replace));
    }
    return std::nullopt;
}

std::optional<OrderNpl> parse_line(const std::string& text) {
    const Json line = Json::parse(text, nullptr, false);
    if (!line.is_object() || !line.contains("from") || !line["from"].is_number_unsigned()) {
        return std::nullopt;
    }
    auto message = message_of(line);
    const auto from = line["from"].get<std::size_t>();
    if (!message || message->empty() || message->size() > limits::npl_message_bytes_max ||
        from == 0) {
        return std::nullopt;
    }
    return OrderNpl{from, std::move(*message)};
}

} // namespace

tl::expected<std::vector<OrderNpl>, cli::Failure> read_npl_file(const std::string& path) {
    const auto content = cli::read_input_file(path);
    if (!content) {
        return tl::unexpected(content.error());
    }
    std::vector<OrderNpl> out;
    std::istringstream lines(to_text(*content));
    std::string line;
    for (std::size_t number = 1; std::getline(lines, line); ++number) {
        if (line.empty()) {
            continue;
        }
        auto message = parse_line(line);
        if (!message) {
            return cli::failure(cli::ErrorId::bad_file,
                                path + ":" + std::to_string(number) +
                                    ": expected {\"from\":NODE,\"text\":\"...\"}");
        }
        out.push_back(std::move(*message));
    }
    return out;
}

} // namespace hp::dev
