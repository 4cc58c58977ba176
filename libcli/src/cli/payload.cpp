// SPDX-License-Identifier: Apache-2.0
#include "cli/payload.hpp"

#include "cli/json_writer.hpp"
#include "cli/values.hpp"
#include "hp/base/limits.hpp"
#include "hp/os/files.hpp"

#include <algorithm>
#include <array>
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

std::optional<std::vector<std::string>> member_path(std::string_view name) {
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

} // namespace

// Pipes are welcome too: shells offer them as files.
Built<Bytes> read_input_file(const std::string& path) {
    const auto file = os::open_file(path, O_RDONLY | O_CLOEXEC);
    if (!file) {
        return failure(file.err().code == Errc::not_found ? ErrorId::file_not_found
                                                          : ErrorId::bad_payload,
                       file.err().context);
    }
    return read_all(file->get(), path);
}

namespace {

Built<Json> json_value(const std::string& text) {
    std::string source = text;
    if (text.starts_with('@')) {
        auto content = read_input_file(text.substr(1));
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

Built<Json> item_value(const Item& item, PayloadFormat format) {
    if (item.kind == Item::Kind::text) {
        return Json(item.value);
    }
    if (item.kind == Item::Kind::json) {
        return json_value(item.value);
    }
    auto content = read_input_file(item.value);
    if (!content) {
        return tl::unexpected(std::move(content.error()));
    }
    return format == PayloadFormat::bson ? Json(Json::binary(std::move(*content)))
                                         : Json(base64(*content));
}

Built<Bytes> encode_object(const Json& root, PayloadFormat format) {
    if (format != PayloadFormat::bson) {
        // Arguments may be any bytes, JSON text may not.
        return to_bytes(root.dump(-1, ' ', false, Json::error_handler_t::replace));
    }
    try {
        return Json::to_bson(root);
    } catch (const Json::exception& error) {
        return failure(ErrorId::bad_payload, std::string("this cannot be BSON: ") + error.what());
    }
}

Built<Bytes> build_object(const std::vector<Item>& items, PayloadFormat format) {
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
        auto value = item_value(item, format);
        if (!value) {
            return tl::unexpected(std::move(value.error()));
        }
        *place = std::move(*value);
    }
    return encode_object(root, format);
}

} // namespace

std::optional<PayloadFormat> parse_payload_format(std::string_view text) {
    constexpr std::array names = {
        std::pair{"text", PayloadFormat::as_is},    std::pair{"json", PayloadFormat::json},
        std::pair{"bson", PayloadFormat::bson},     std::pair{"hex", PayloadFormat::hex},
        std::pair{"base64", PayloadFormat::base64}, std::pair{"file", PayloadFormat::file}};
    const auto found = std::ranges::find(
        names, text, [](const auto& item) { return std::string_view(item.first); });
    return found == names.end() ? std::nullopt : std::optional(found->second);
}

Built<Bytes> convert_payload(Bytes content, PayloadFormat format) {
    std::string_view text = as_text(content);
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) {
        text.remove_suffix(1);
    }
    std::optional<Bytes> bytes;
    switch (format) {
    case PayloadFormat::as_is:
        return content;
    case PayloadFormat::file:
        return read_input_file(std::string(text));
    case PayloadFormat::hex:
        bytes = from_hex(text);
        break;
    case PayloadFormat::base64:
        bytes = parse_base64(text);
        break;
    case PayloadFormat::json:
    case PayloadFormat::bson: {
        const Json json = Json::parse(text, nullptr, false);
        if (json.is_discarded()) {
            return failure(ErrorId::bad_payload, "the payload is not valid JSON");
        }
        return format == PayloadFormat::json ? to_bytes(text) : encode_object(json, format);
    }
    }
    if (!bytes) {
        return failure(ErrorId::bad_payload, "the payload is not what --format says");
    }
    return *bytes;
}

std::optional<Item> parse_item(std::string_view argument) {
    const std::size_t mark = argument.find_first_of("=@");
    if (mark == std::string_view::npos || mark == 0) {
        return std::nullopt;
    }
    const bool is_file = argument[mark] == '@';
    const bool is_json = !is_file && argument[mark - 1] == ':';
    auto path = member_path(argument.substr(0, is_json ? mark - 1 : mark));
    std::string value(argument.substr(mark + 1));
    if (!path || (is_file && value.empty())) {
        return std::nullopt;
    }
    const Item::Kind kind = is_file   ? Item::Kind::file
                            : is_json ? Item::Kind::json
                                      : Item::Kind::text;
    return Item{std::move(*path), kind, std::move(value)};
}

Built<Bytes> make_payload(const std::vector<std::string>& arguments, bool as_text,
                          PayloadFormat format) {
    std::vector<Item> items;
    for (const std::string& argument : arguments) {
        const bool is_value = as_text || format == PayloadFormat::file;
        if (auto item = is_value ? std::nullopt : parse_item(argument)) {
            items.push_back(std::move(*item));
        }
    }
    if (!arguments.empty() && items.size() == arguments.size()) {
        return build_object(items, format);
    }
    if (arguments.size() != 1) {
        return failure(ErrorId::usage,
                       arguments.empty() ? "nothing to send: give TEXT, @FILE, - or items"
                                         : "more than one argument, and not all are items",
                       "quote text that contains spaces");
    }
    const std::string& only = arguments.front();
    Built<Bytes> content = to_bytes(only);
    if (format == PayloadFormat::file) {
        return read_input_file(only);
    }
    if (!as_text && only == "-") {
        content = read_all(STDIN_FILENO, "standard input");
    } else if (!as_text && only.starts_with('@')) {
        content = read_input_file(only.substr(1));
    }
    return content ? convert_payload(std::move(*content), format) : content;
}

} // namespace hp::cli
