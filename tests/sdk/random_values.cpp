// SPDX-License-Identifier: Apache-2.0
//
// Threads: one.
#include "random_values.hpp"

#include <array>
#include <bit>
#include <cmath>
#include <string_view>

namespace hp::test {

using contract::Bytes;
using contract::Value;

std::string RandomValues::text(bool with_nul) {
    static constexpr std::array<std::string_view, 14> pieces{
        "a",  "Z",  "7",    " ",    "\"",       "\\",           "/",
        "\n", "\b", "\x1f", "\x7f", "\xc3\xa9", "\xe2\x80\xa8", "\xf0\x9f\x98\x80"};
    std::string out;
    for (std::uint64_t left = below(8); left > 0; --left)
        out += pieces[below(pieces.size())];
    if (with_nul && below(20) == 0)
        out += '\0';
    return out;
}

double RandomValues::number() {
    for (;;) {
        const auto number = std::bit_cast<double>(engine_());
        const double small = static_cast<double>(below(2'000'000)) / 1000 - 1000;
        const double out = below(2) == 0 ? number : small;
        if (std::isfinite(out))
            return out;
    }
}

Value RandomValues::value(bool with_binary, int depth) {
    constexpr int depth_max = 5;
    switch (below(depth < depth_max ? 9 : 6)) {
    case 0:
        return {};
    case 1:
        return below(2) == 0;
    case 2:
        return static_cast<std::int64_t>(engine_()) >> below(64);
    case 3:
        return number();
    case 4:
        return text();
    case 5: {
        if (!with_binary)
            return text();
        const std::string bytes = text();
        const auto view = contract::as_bytes(bytes);
        return Bytes(view.begin(), view.end());
    }
    case 6: {
        Value::Array items;
        for (std::uint64_t left = below(5); left > 0; --left)
            items.push_back(value(with_binary, depth + 1));
        return items;
    }
    default:
        return object(with_binary, depth);
    }
}

Value RandomValues::object(bool with_binary, int depth) {
    Value out = Value::Object();
    for (std::uint64_t left = below(5); left > 0; --left)
        out.set("m" + text(false), value(with_binary, depth + 1));
    return out;
}

void RandomValues::damage(std::string& bytes) {
    for (std::uint64_t left = 1 + below(4); left > 0 && !bytes.empty(); --left) {
        const std::size_t at = below(bytes.size());
        switch (below(5)) {
        case 0:
            bytes[at] = static_cast<char>(engine_());
            break;
        case 1:
            bytes.erase(at, 1 + below(3));
            break;
        case 2:
            bytes.insert(at, 1, static_cast<char>(engine_()));
            break;
        case 3:
            bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(8)));
            break;
        default:
            bytes.resize(at);
        }
    }
}

} // namespace hp::test
