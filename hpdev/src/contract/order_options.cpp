// SPDX-License-Identifier: Apache-2.0
#include "contract/order_options.hpp"

#include "cli/payload.hpp"
#include "cli/script.hpp"

#include <algorithm>

namespace hp::dev {
namespace {

using cli::Parsed;

bool is_name(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    });
}

OrderUser& user_of(RunOrder& order, const std::string& name) {
    const auto found = std::ranges::find(order.users, name, &OrderUser::name);
    return found != order.users.end() ? *found : order.users.emplace_back(OrderUser{name, {}});
}

// "bob: op=add n:=5": without a name it is the first user's.
Parsed<Bytes> parse_input(std::string text, std::string& user) {
    const std::size_t colon = text.find(": ");
    if (colon != std::string::npos && is_name(std::string_view(text).substr(0, colon))) {
        user = text.substr(0, colon);
        text.erase(0, colon + 2);
    }
    const auto words = cli::split_words(text);
    if (!words || words->empty()) {
        return cli::bad_value("--input", text, "items with quotes that end");
    }
    if (words->size() > 1 && !std::ranges::all_of(*words, [](const std::string& word) {
            return cli::parse_item(word).has_value();
        })) {
        return to_bytes(text); // a text of several words
    }
    return cli::make_payload(*words, false);
}

} // namespace

Parsed<std::vector<OrderUser>> take_users(const cli::Args& args) {
    RunOrder order;
    std::vector<std::string> users = args.options.all("user");
    if (users.empty() && (!args.arguments.empty() || args.options.has("input"))) {
        users.push_back("alice");
    }
    for (const std::string& name : users) {
        if (!is_name(name)) {
            return cli::bad_value("--user", name, "a name of lower case letters and digits");
        }
        user_of(order, name);
    }
    if (!args.arguments.empty()) {
        auto payload = cli::make_payload(args.arguments, false);
        if (!payload) {
            return tl::unexpected(std::move(payload.error()));
        }
        order.users.front().inputs.push_back(std::move(*payload));
    }
    for (const std::string& text : args.options.all("input")) {
        std::string user = users.front();
        auto payload = parse_input(text, user);
        if (!payload) {
            return tl::unexpected(std::move(payload.error()));
        }
        user_of(order, user).inputs.push_back(std::move(*payload));
    }
    return std::move(order.users);
}

} // namespace hp::dev
