// SPDX-License-Identifier: Apache-2.0
#include "requests.hpp"

#include <hp/contract/json.hpp>

namespace kv {
namespace {

using namespace hp::contract;

Value get(Database& database, std::string_view name) {
    const auto rows = database.run("SELECT value FROM pairs WHERE name = ?", {name});
    return Value::Object{{"name", name}, {"value", rows.empty() ? Value() : Value(rows[0][0])}};
}

Value put(Database& database, std::string_view name, std::string_view value) {
    if (name.empty() || name.size() > name_bytes_max || value.size() > value_bytes_max)
        return error_answer("a name has 1 to 256 bytes, a value 64 KiB at most");
    database.run("INSERT INTO pairs(name, value) VALUES(?, ?) "
                 "ON CONFLICT(name) DO UPDATE SET value = excluded.value",
                 {name, value});
    return get(database, name);
}

Value remove(Database& database, std::string_view name) {
    const auto rows = database.run("DELETE FROM pairs WHERE name = ? RETURNING name", {name});
    return Value::Object{{"deleted", rows.size()}};
}

/// In pages, so that an answer does not grow with the database.
Value list(Database& database, std::string_view after) {
    Value names = Value::Array{};
    for (const Row& row :
         database.run("SELECT name FROM pairs WHERE name > ? ORDER BY name LIMIT 100", {after}))
        names.push_back(row[0]);
    return Value::Object{{"names", names}};
}

Value answer(Database& database, const Value& request, bool readonly) {
    const auto op = request["op"].text();
    const auto name = request["name"].text();
    const auto value = request["value"].text();
    if (op == "list")
        return list(database, request["after"].text().value_or(""));
    if (!name || !op || (*op != "get" && *op != "put" && *op != "delete"))
        return error_answer("unknown request; try get, put, delete or list");
    if (readonly && *op != "get")
        return error_answer("a read request cannot change state; send this as an input");
    if (*op == "put")
        return value ? put(database, *name, *value) : error_answer("put needs a name and a value");
    return *op == "get" ? get(database, *name) : remove(database, *name);
}

} // namespace

Value handle(Database& database, std::string_view request, bool readonly) {
    const auto decoded = decode_json(request);
    return decoded ? answer(database, *decoded, readonly) : error_answer(decoded.error().message);
}

} // namespace kv
