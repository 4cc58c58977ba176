// SPDX-License-Identifier: Apache-2.0
#include "commands/log_text.hpp"

namespace hp::dev {

std::string printable_log(std::string_view text) {
    std::string out(text);
    for (char& c : out) {
        const auto byte = static_cast<unsigned char>(c);
        c = (byte < 0x20 && c != '\t') || byte == 0x7f ? '?' : c;
    }
    return out;
}

std::string log_line(const LogRecord& record, bool prefix) {
    const std::string head = prefix ? "n" + std::to_string(record.node) + "│ " : std::string();
    std::string out;
    std::size_t begin = 0;
    do {
        const std::size_t end = record.text.find('\n', begin);
        const std::string part = record.text.substr(begin, end - begin);
        out += head;
        if (begin == 0 && record.source == "core") {
            const std::size_t clock = record.time.find(' ');
            out += (clock == std::string::npos ? std::string() : record.time.substr(clock + 1)) +
                   " " + record.level + " " + record.module + "  ";
        } else if (begin == 0) {
            out += record.source == "contract"
                       ? (record.level == "err" ? "contract! " : "contract  ")
                       : "stderr  ";
        }
        out += printable_log(part) + "\n";
        begin = end == std::string::npos ? end : end + 1;
    } while (begin != std::string::npos);
    return out;
}

} // namespace hp::dev
