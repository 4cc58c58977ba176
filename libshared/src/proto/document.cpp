// SPDX-License-Identifier: Apache-2.0
#include "hp/proto/document.hpp"

namespace hp::proto {

Value Value::of(bool v) {
    return Value{.type = Type::boolean, .boolean = v};
}

Value Value::of(std::uint64_t v) {
    return Value{.type = Type::integer, .integer = v};
}

Value Value::of(std::string_view v) {
    return Value{.type = Type::string, .text = std::string(v)};
}

Value Value::binary(ByteView v) {
    return Value{.type = Type::binary, .text = to_text(v)};
}

Value Value::content_of(ByteView v) {
    return Value{.type = Type::content, .text = to_text(v)};
}

Value Value::array_of(std::vector<Value> items) {
    return Value{.type = Type::array, .items = std::move(items)};
}

Value& Value::add(std::string_view name, Value value) {
    members.emplace_back(std::string(name), std::move(value));
    return *this;
}

const Value* Value::find(std::string_view name) const {
    for (const auto& [key, value] : members) {
        if (key == name) {
            return &value;
        }
    }
    return nullptr;
}

const Value* Value::find(std::string_view name, Type wanted) const {
    const Value* value = find(name);
    return value != nullptr && value->type == wanted ? value : nullptr;
}

} // namespace hp::proto
