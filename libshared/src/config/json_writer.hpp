// SPDX-License-Identifier: Apache-2.0
// Writes JSON in exactly the layout of JavaScript's JSON.stringify(value, null, 4). The bytes of
// patch.cfg are hashed by the cluster and contracts rewrite the file with that very function, so
// the layout is part of consensus (contract-protocol.md 5.1). One owner.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace hp::config {

// In quotes, escaped as JSON.stringify does: only what JSON demands. `text` is UTF-8.
void append_json_string(std::string& out, std::string_view text);

class JsonWriter {
public:
    JsonWriter() { out_ += '{'; }

    // Members of the innermost object. The names differ so that no literal picks a wrong overload.
    void text(std::string_view name, std::string_view value);
    void number(std::string_view name, std::uint64_t value);
    void flag(std::string_view name, bool value);
    void open_object(std::string_view name);
    void open_array(std::string_view name);
    void item(std::string_view value); // of the innermost array
    void close_object() { close('}'); }
    void close_array() { close(']'); }

    std::string finish(); // closes the document

private:
    void next_line();
    void begin(std::string_view name);
    void close(char bracket);

    std::string out_;
    unsigned depth_ = 1;
    bool empty_ = true; // nothing yet in the innermost object or array
};

} // namespace hp::config
