// SPDX-License-Identifier: Apache-2.0
//
// The SDK's codecs as a filter, so that other implementations can be compared with them: each line
// "<operation> <hex of the input>" is answered with "ok <hex of the output>" or "error <message>".
//
// Threads: main thread only.
#include <hp/contract/bson.hpp>
#include <hp/contract/config.hpp>
#include <hp/contract/json.hpp>

#include <array>
#include <charconv>
#include <iostream>
#include <string>
#include <string_view>

namespace {

using namespace hp::contract;

Result<std::string> reformat_json(std::string_view text, unsigned indent) {
    const auto value = decode_json(text);
    if (!value)
        return value.error();
    return encode_json(*value, indent);
}

Result<std::string> json_to_bson(std::string_view text) {
    const auto value = decode_json(text);
    if (!value)
        return value.error();
    const auto bytes = encode_bson(*value);
    if (!bytes)
        return bytes.error();
    return std::string(as_text(*bytes));
}

Result<std::string> bson_to_json(std::string_view bytes) {
    const auto value = decode_bson(as_bytes(bytes));
    if (!value)
        return value.error();
    return encode_json(*value);
}

/// Reads a patch.cfg and changes what codec.test.mjs changes too.
Result<std::string> change_config(std::string_view text) {
    auto config = decode_config(text);
    if (!config)
        return config.error();
    config->version = "2.0 \xc3\xa9";
    config->unl.pop_back();
    config->environment.push_back({"ADDED", "\"quoted\""});
    config->consensus.roundtime_ms = 777;
    config->npl_mode = Visibility::public_;
    config->round_limits.exec_timeout_ms = 1234;
    if (const Status verified = verify_config(*config); !verified)
        return verified.error();
    return encode_config(*config);
}

Result<std::string> keep_config(std::string_view text) {
    const auto config = decode_config(text);
    if (!config)
        return config.error();
    return encode_config(*config);
}

struct Operation {
    std::string_view name;
    Result<std::string> (*run)(std::string_view);
};

constexpr std::array operations{
    Operation{"json0", [](std::string_view text) { return reformat_json(text, 0); }},
    Operation{"json4", [](std::string_view text) { return reformat_json(text, 4); }},
    Operation{"json_to_bson", json_to_bson},
    Operation{"bson_to_json", bson_to_json},
    Operation{"change_config", change_config},
    Operation{"keep_config", keep_config},
};

std::string from_hex(std::string_view hex) {
    std::string out;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
        unsigned byte = 0;
        std::from_chars(hex.data() + i, hex.data() + i + 2, byte, 16);
        out += static_cast<char>(static_cast<unsigned char>(byte));
    }
    return out;
}

std::string to_hex(std::string_view bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out;
    for (const char c : bytes) {
        out += digits[static_cast<unsigned char>(c) >> 4U];
        out += digits[static_cast<unsigned char>(c) & 0x0FU];
    }
    return out;
}

std::string answer(std::string_view line) {
    const std::size_t space = line.find(' ');
    for (const Operation& operation : operations) {
        if (operation.name != line.substr(0, space))
            continue;
        const auto result = operation.run(from_hex(line.substr(space + 1)));
        return result ? "ok " + to_hex(*result) : "error " + json_quote(result.error().message);
    }
    return "error \"unknown operation\"";
}

} // namespace

int main() {
    for (std::string line; std::getline(std::cin, line);)
        std::cout << answer(line) << '\n';
    return 0;
}
