// SPDX-License-Identifier: Apache-2.0
// The golden files and edits on them, shared by the config tests. The documents are edited with
// the JSON library, not with the code under test.
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "hp/config/config_io.hpp"

namespace hp::test {

inline std::string golden(const std::string& name) {
    const auto path = std::filesystem::path(HP_TEST_SOURCE) / "golden" / name;
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

inline nlohmann::json original() {
    return nlohmann::json::parse(golden("original_hp.cfg"));
}

inline config::DecodedConfig decode(const std::string& text) {
    return config::decode_config(as_bytes(text));
}

// The golden file with the value at `pointer` ("/user/port") replaced by the JSON text `value`.
inline config::DecodedConfig decode_with(const std::string& pointer, const std::string& value) {
    nlohmann::json document = original();
    document[nlohmann::json::json_pointer(pointer)] = nlohmann::json::parse(value);
    return decode(document.dump());
}

// "/user/port" -> "user.port"
inline std::string path_of(std::string pointer) {
    pointer.erase(0, 1);
    for (char& c : pointer) {
        c = c == '/' ? '.' : c;
    }
    return pointer;
}

} // namespace hp::test
