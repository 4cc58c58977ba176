// SPDX-License-Identifier: Apache-2.0
//
// The requests: get, add N, set TEXT.
#include "tally.hpp"

#include <hp/contract/bytes.hpp>

#include <charconv>
#include <limits>

namespace tally {
namespace {

using hp::contract::json_quote;

std::string error(std::string_view what) {
    return "{\"error\":" + json_quote(what) + "}";
}

std::string answer(const State& state) {
    return "{\"total\":" + std::to_string(state.total) + ",\"text\":" + json_quote(state.text) +
           "}";
}

std::string add(State& state, std::string_view number) {
    using Limits = std::numeric_limits<std::int64_t>;
    std::int64_t n = 0;
    const auto [end, failed] = std::from_chars(number.data(), number.data() + number.size(), n);
    if (failed != std::errc{} || end != number.data() + number.size())
        return error("add needs a whole number");
    if (n > 0 ? state.total > Limits::max() - n : state.total < Limits::min() - n)
        return error("the total would be out of range");
    state.total += n;
    return answer(state);
}

std::string set(State& state, std::string_view text) {
    if (text.size() > text_bytes_max)
        return error("text is longer than " + std::to_string(text_bytes_max) + " bytes");
    if (!hp::contract::valid_utf8(text))
        return error("text is not UTF-8");
    state.text = text;
    return answer(state);
}

} // namespace

std::string handle(State& state, std::string_view request, bool readonly) {
    if (request == "get")
        return answer(state);
    const std::size_t space = request.find(' ');
    const std::string_view verb = request.substr(0, space);
    if (space == std::string_view::npos || (verb != "add" && verb != "set"))
        return error("unknown request; try get, add N or set TEXT");
    if (readonly)
        return error("a read request cannot change state; send this as an input");
    const std::string_view argument = request.substr(space + 1);
    return verb == "add" ? add(state, argument) : set(state, argument);
}

} // namespace tally
