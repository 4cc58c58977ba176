// SPDX-License-Identifier: Apache-2.0
#include "cli/schema.hpp"

#include "cli/json_writer.hpp"
#include "hp/base/check.hpp"

#include <array>
#include <utility>

namespace hp::cli {
namespace {

constexpr std::array shared_objects = {
    std::pair{"ledger", "{seq:int hash:hash}"},
    std::pair{"header", "{seq:int timestamp:time hash:hash prev_hash:hash state_hash:hash "
                        "config_hash:hash user_hash:hash input_hash:hash output_hash:hash "
                        "inputs?:[queried_input] outputs?:[queried_output]}"},
    std::pair{"queried_input", "{user:key hash:hash nonce:int data:content}"},
    std::pair{"queried_output", "{user:key hash:hash outputs:[{data:content}]}"},
    std::pair{"output", "{ledger:int data:content file?:text bytes?:int}"},
    std::pair{"validated", "{unl:int signed:int threshold:num}"},
    std::pair{"input", "{hash:hash nonce:int max_ledger:int}"},
    std::pair{"server", "{url:text key:key contract_id:text contract_version:text "
                        "hp_version:text}"},
    std::pair{"problem", "{code:text exit:int message:text reason?:text detail:{*:text} "
                         "hint?:text}"},
    std::pair{"percentiles", "{count:int min:num mean:num p50:num p90:num p99:num p999:num "
                             "max:num}"},
};

std::string_view shared_object(std::string_view name) {
    for (const auto& [known, notation] : shared_objects) {
        if (name == known) {
            return notation;
        }
    }
    return {};
}

class Reader {
public:
    explicit Reader(std::string_view text) : rest_(text) {}

    // The members up to the end or a closing brace.
    std::string members(JsonObject& properties, JsonArray& required) {
        std::string map_type;
        skip_space();
        while (!rest_.empty() && rest_.front() != '}') {
            member(properties, required, map_type);
            skip_space();
        }
        return map_type;
    }
    bool at_end() const { return rest_.empty(); }

private:
    void skip_space() {
        while (rest_.starts_with(' ')) {
            rest_.remove_prefix(1);
        }
    }
    std::string_view word() {
        const std::size_t end = rest_.find_first_of(":?{}[] ");
        const std::string_view out = rest_.substr(0, end);
        rest_.remove_prefix(out.size());
        return out;
    }
    void expect(char c) {
        HP_CHECK(rest_.starts_with(c), "the notation of a schema");
        rest_.remove_prefix(1);
    }

    void member(JsonObject& properties, JsonArray& required, std::string& map_type) {
        const std::string name(word());
        bool optional = false;
        if (rest_.starts_with('?')) {
            optional = true;
            expect('?');
        }
        expect(':');
        if (rest_.starts_with("content")) {
            word();
            properties.add_raw(name, "{}");
            properties.add_raw(name + "_hex", R"({"type":"string"})");
            properties.add_raw(name + "_b64", R"({"type":"string"})");
            return;
        }
        if (rest_.starts_with("time")) {
            word();
            properties.add_raw(name, R"({"type":"string","format":"date-time"})");
            properties.add_raw(name + "_ms", integer);
        } else if (name == "*") {
            map_type = type();
            return;
        } else {
            properties.add_raw(name, type());
        }
        if (!optional) {
            required.add(name);
        }
    }

    std::string type() {
        if (rest_.starts_with('[')) {
            expect('[');
            const std::string items = type();
            expect(']');
            return R"({"type":"array","items":)" + items + "}";
        }
        if (rest_.starts_with('{')) {
            expect('{');
            JsonObject properties;
            JsonArray required;
            const std::string map_type = members(properties, required);
            expect('}');
            JsonObject out;
            out.add("type", "object").add("properties", properties).add("required", required);
            if (!map_type.empty()) {
                out.add_raw("additionalProperties", map_type);
            }
            return out.text();
        }
        return simple(word());
    }

    static std::string simple(std::string_view name) {
        constexpr std::array types = {
            std::pair{"int", integer},
            std::pair{"num", R"({"type":"number"})"},
            std::pair{"bool", R"({"type":"boolean"})"},
            std::pair{"text", R"({"type":"string"})"},
            std::pair{"hash", R"({"type":"string","pattern":"^[0-9a-f]{64}$"})"},
            std::pair{"key", R"({"type":"string","pattern":"^ed[0-9a-f]{64}$"})"},
            std::pair{"any", "{}"},
        };
        for (const auto& [known, schema] : types) {
            if (name == known) {
                return schema;
            }
        }
        if (const std::string_view object = shared_object(name); !object.empty()) {
            Reader reader(object);
            return reader.type();
        }
        HP_CHECK(!name.empty(), "the notation of a schema");
        JsonArray words;
        while (true) { // a|b|c
            const std::size_t bar = name.find('|');
            words.add(name.substr(0, bar));
            if (bar == std::string_view::npos) {
                break;
            }
            name.remove_prefix(bar + 1);
        }
        return JsonObject().add("enum", words).text();
    }

    // Large ones become text (json_writer.hpp).
    static constexpr const char* integer = R"({"type":["integer","string"]})";

    std::string_view rest_;
};

std::string object_schema(std::string_view id, std::string_view fields) {
    JsonObject properties;
    JsonArray required;
    properties.add_raw("schema", JsonObject().add("const", id).text());
    required.add("schema");
    Reader reader(fields);
    reader.members(properties, required);
    HP_CHECK(reader.at_end(), "the notation of a schema");
    return JsonObject()
        .add("type", "object")
        .add("properties", properties)
        .add("required", required)
        .text();
}

} // namespace

std::string make_schema(std::string_view id, std::string_view fields) {
    // An error may come with what there was to say all the same.
    const std::string error = object_schema(id, "ok:bool error:problem");
    JsonArray forms;
    forms.add_raw(object_schema(id, fields));
    forms.add_raw(error);
    JsonObject out;
    out.add("$schema", "https://json-schema.org/draft/2020-12/schema");
    out.add("title", id);
    out.add_raw("anyOf", forms.text());
    return out.text();
}

} // namespace hp::cli
