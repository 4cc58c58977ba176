// SPDX-License-Identifier: Apache-2.0
#include "payload.hpp"

#include "hp/base/limits.hpp"
#include "hp/os/files.hpp"

#include <algorithm>
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace hp::cli {
namespace {

// Keeps the order in which items were given.
using Json = nlohmann::ordered_json;

template <class T>
using Built = tl::expected<T, Failure>;

// Larger payloads exceed what any server accepts.
constexpr std::size_t payload_bytes_max = limits::reply_bytes_max;

bool is_name_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
}

std::optional<std::vector<std::string>> split_path(std::string_view name) {
    std::vector<std::string> out;
    while (true) {
        const std::size_t dot = name.find('.');
        const std::string_view part = name.substr(0, dot);
        if (part.empty() || !std::ranges::all_of(part, is_name_char)) {
            return std::nullopt;
        }
        out.emplace_back(part);
        if (dot == std::string_view::npos) {
            return out;
        }
        name.remove_prefix(dot + 1);
    }
}

Built<Bytes> read_all(int fd, const std::string& name) {
    Bytes out;
    std::array<std::uint8_t, 64 * limits::kib> buffer{};
    while (true) {
        const auto got = os::read_some(fd, buffer);
        if (!got) {
            return failure(ErrorId::bad_payload, "cannot read " + name + ": " + got.err().context);
        }
        if (*got == 0) {
            return out;
        }
        append(out, ByteView(buffer).first(*got));
        if (out.size() > payload_bytes_max) {
            return failure(ErrorId::bad_payload, name + " is too large to be a payload");
        }
    }
}

// Pipes are welcome too: shells offer them as files.
Built<Bytes> read_payload_file(const std::string& path) {
    const auto file = os::open_file(path, O_RDONLY | O_CLOEXEC);
    if (!file) {
        return failure(file.err().code == Errc::not_found ? ErrorId::file_not_found
                                                          : ErrorId::bad_payload,
                       file.err().context);
    }
    return read_all(file->get(), path);
}

Built<Json> json_value(const std::string& text) {
    std::string source = text;
    if (text.starts_with('@')) {
        auto content = read_payload_file(text.substr(1));
        if (!content) {
            return tl::unexpected(std::move(content.error()));
        }
        source = to_text(*content);
    }
    Json value = Json::parse(source, nullptr, false);
    if (value.is_discarded()) {
        return failure(ErrorId::bad_payload, "not valid JSON: " + text,
                       "name:=VALUE takes JSON, name=VALUE takes text");
    }
    return value;
}

Built<Bytes> build_object(const std::vector<Item>& items) {
    Json root = Json::object();
    for (const Item& item : items) {
        Json* place = &root;
        for (const std::string& part : item.path) {
            if (place->is_null()) {
                *place = Json::object();
            }
            if (!place->is_object()) {
                return failure(ErrorId::bad_payload, "item \"" + part + "\" is below a value");
            }
            place = &(*place)[part];
        }
        if (!place->is_null()) {
            return failure(ErrorId::bad_payload, "item \"" + item.path.back() + "\" occurs twice");
        }
        auto value = item.is_json ? json_value(item.value) : Built<Json>(Json(item.value));
        if (!value) {
            return tl::unexpected(std::move(value.error()));
        }
        *place = std::move(*value);
    }
    // Arguments may be any bytes, JSON text may not.
    return to_bytes(root.dump(-1, ' ', false, Json::error_handler_t::replace));
}

} // namespace

std::optional<Item> parse_item(std::string_view argument) {
    const std::size_t equals = argument.find('=');
    if (equals == std::string_view::npos || equals == 0) {
        return std::nullopt;
    }
    const bool is_json = argument[equals - 1] == ':';
    auto path = split_path(argument.substr(0, is_json ? equals - 1 : equals));
    if (!path) {
        return std::nullopt;
    }
    return Item{std::move(*path), is_json, std::string(argument.substr(equals + 1))};
}

Built<Bytes> make_payload(const std::vector<std::string>& arguments, bool as_text) {
    std::vector<Item> items;
    for (const std::string& argument : arguments) {
        if (auto item = as_text ? std::nullopt : parse_item(argument)) {
            items.push_back(std::move(*item));
        }
    }
    if (!arguments.empty() && items.size() == arguments.size()) {
        return build_object(items);
    }
    if (arguments.size() != 1) {
        return failure(ErrorId::usage,
                       arguments.empty() ? "nothing to send: give TEXT, @FILE, - or items"
                                         : "more than one argument, and not all are items",
                       "quote text that contains spaces");
    }
    const std::string& only = arguments.front();
    if (!as_text && only == "-") {
        return read_all(STDIN_FILENO, "standard input");
    }
    if (!as_text && only.starts_with('@')) {
        return read_payload_file(only.substr(1));
    }
    return to_bytes(only);
}

} // namespace hp::cli
