// SPDX-License-Identifier: Apache-2.0
#include "json_value.hpp"

#include "hp/base/limits.hpp"
#include "json_writer.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

namespace hp::config {
namespace {

constexpr std::size_t shown_bytes_max = 64;

bool is_plain_name(std::string_view name) {
    return !name.empty() && name.size() <= shown_bytes_max &&
           std::all_of(name.begin(), name.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '_' || c == '-';
           });
}

// The library's text without its own name in front, and without the end where it repeats what it
// last read: that could be the private key, and this text goes to logs.
std::string reason_of(std::string_view what) {
    if (const auto start = what.find("parse error at "); start != std::string_view::npos) {
        what.remove_prefix(start + std::string_view("parse error at ").size());
    } else if (const auto tag = what.find("] "); tag != std::string_view::npos) {
        what.remove_prefix(tag + 2);
    }
    return std::string(what.substr(0, what.find("; last read")));
}

// Builds the tree while the library scans, so that limits act before memory is spent.
class TreeBuilder final : public nlohmann::json_sax<nlohmann::json> {
public:
    TreeBuilder(JsonDocument* out, std::size_t values_max) : out_(out), values_max_(values_max) {}

    bool null() override { return place(JsonValue{}) != nullptr; }
    bool boolean(bool value) override {
        JsonValue node;
        node.kind = JsonValue::Kind::boolean;
        node.boolean = value;
        return place(std::move(node)) != nullptr;
    }
    bool number_integer(number_integer_t value) override {
        return value >= 0 ? number_unsigned(static_cast<number_unsigned_t>(value))
                          : other_number(std::to_string(value));
    }
    bool number_unsigned(number_unsigned_t value) override {
        JsonValue node;
        node.kind = JsonValue::Kind::integer;
        node.integer = value;
        return place(std::move(node)) != nullptr;
    }
    bool number_float(number_float_t /*value*/, const string_t& written) override {
        return other_number(written);
    }
    bool string(string_t& value) override {
        JsonValue node;
        node.kind = JsonValue::Kind::string;
        node.text = std::move(value);
        return place(std::move(node)) != nullptr;
    }
    bool binary(binary_t& /*value*/) override { return false; } // not in JSON text
    bool start_object(std::size_t /*unknown*/) override { return open(JsonValue::Kind::object); }
    bool end_object() override { return close(); }
    bool start_array(std::size_t /*unknown*/) override { return open(JsonValue::Kind::array); }
    bool end_array() override { return close(); }

    bool key(string_t& name) override {
        Open& object = open_.back();
        if (!object.names.insert(name).second) {
            report(member_path(object.path, name), "is there more than once");
        }
        object.value->members.push_back({name, JsonValue{}});
        return out_->problems.size() < limits::config_problems_max;
    }

    bool parse_error(std::size_t /*position*/, const std::string& /*token*/,
                     const nlohmann::detail::exception& error) override {
        report("", "is not valid JSON: " + reason_of(error.what()));
        return false;
    }

private:
    struct Open {
        JsonValue* value; // stable: its siblings only grow after it is closed
        std::string path;
        std::set<std::string, std::less<>> names;
    };

    void report(std::string path, std::string what) {
        out_->problems.push_back({std::move(path), std::move(what)});
    }

    bool other_number(std::string written) {
        JsonValue node;
        node.kind = JsonValue::Kind::other_number;
        node.text = std::move(written);
        return place(std::move(node)) != nullptr;
    }

    // Where the next value belongs; null when the document has too many.
    JsonValue* place(JsonValue&& value) {
        if (++values_ > values_max_) {
            report("", "has more than " + std::to_string(values_max_) + " values");
            return nullptr;
        }
        JsonValue* slot = &out_->root;
        if (!open_.empty()) {
            JsonValue& parent = *open_.back().value;
            slot = parent.kind == JsonValue::Kind::array ? &parent.items.emplace_back()
                                                         : &parent.members.back().value;
        }
        *slot = std::move(value);
        return slot;
    }

    bool open(JsonValue::Kind kind) {
        if (open_.size() >= limits::config_depth_max) {
            report("",
                   "is nested deeper than " + std::to_string(limits::config_depth_max) + " levels");
            return false;
        }
        std::string path = next_path();
        JsonValue node;
        node.kind = kind;
        JsonValue* slot = place(std::move(node));
        if (slot != nullptr) {
            open_.push_back({slot, std::move(path), {}});
        }
        return slot != nullptr;
    }

    std::string next_path() const {
        if (open_.empty()) {
            return "";
        }
        const Open& parent = open_.back();
        return parent.value->kind == JsonValue::Kind::array
                   ? item_path(parent.path, parent.value->items.size())
                   : member_path(parent.path, parent.value->members.back().name);
    }

    bool close() {
        open_.pop_back();
        return true;
    }

    JsonDocument* out_;
    std::vector<Open> open_;
    std::size_t values_ = 0;
    std::size_t values_max_;
};

} // namespace

const JsonValue* JsonValue::find(std::string_view name) const {
    const auto found = std::find_if(members.begin(), members.end(),
                                    [name](const JsonMember& m) { return m.name == name; });
    return found == members.end() ? nullptr : &found->value;
}

JsonDocument parse_json(ByteView text, std::size_t bytes_max, std::size_t values_max) {
    JsonDocument out;
    if (text.size() > bytes_max) {
        out.problems.push_back({"", "is larger than " + std::to_string(bytes_max) + " bytes"});
        return out;
    }
    TreeBuilder builder(&out, values_max);
    if (!nlohmann::json::sax_parse(text.begin(), text.end(), &builder) && out.problems.empty()) {
        out.problems.push_back({"", "is not valid JSON"});
    }
    return out;
}

std::string member_path(std::string_view parent, std::string_view name) {
    std::string out(parent);
    if (!out.empty()) {
        out += '.';
    }
    return out + (is_plain_name(name) ? std::string(name) : in_quotes(name));
}

std::string item_path(std::string_view parent, std::size_t index) {
    return std::string(parent) + '[' + std::to_string(index) + ']';
}

std::string in_quotes(std::string_view text) {
    std::string_view shown = text.substr(0, shown_bytes_max);
    if (shown.size() < text.size()) {
        // Not in the middle of a UTF-8 character: its later bytes all look like 10xxxxxx.
        while (!shown.empty() && (static_cast<unsigned char>(text[shown.size()]) & 0xC0) == 0x80) {
            shown.remove_suffix(1);
        }
    }
    std::string out;
    append_json_string(out, shown);
    if (shown.size() < text.size()) {
        out.insert(out.size() - 1, "...");
    }
    return out;
}

} // namespace hp::config
