// SPDX-License-Identifier: Apache-2.0
#include "contract/difference_text.hpp"

namespace hp::dev {

std::string difference_text(const Difference& difference, const std::string& indent) {
    std::string out = indent + "first difference  " + difference.where;
    if (difference.offset) {
        out += "  offset " + std::to_string(*difference.offset);
        if (!difference.json_path.empty()) {
            out += ", " + difference.json_path;
        }
        out += ", " + std::to_string(difference.a_bytes) + " and " +
               std::to_string(difference.b_bytes) + " bytes";
    }
    return out + "\n" + indent + "  A  " + difference.a + "\n" + indent + "  B  " + difference.b +
           "\n";
}

void add_difference(cli::JsonObject& out, const Difference& difference) {
    out.add("where", difference.where);
    if (difference.offset) {
        out.add("offset", *difference.offset);
    }
    if (!difference.json_path.empty()) {
        out.add("json_path", difference.json_path);
    }
    out.add("a", difference.a).add("b", difference.b);
}

} // namespace hp::dev
