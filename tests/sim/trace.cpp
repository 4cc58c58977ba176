// SPDX-License-Identifier: Apache-2.0
#include "trace.hpp"

#include <cstdio>

namespace hp::sim {
namespace {

constexpr std::size_t diagram_lines_max = 300;

double ms(std::int64_t us) {
    return static_cast<double>(us) / 1000;
}

} // namespace

void TextTrace::event(std::int64_t now_us, const std::string& node, const std::string& what) {
    if (window_.contains(now_us)) {
        std::printf("%10.3f  %-3s %s\n", ms(now_us), node.c_str(), what.c_str());
    }
}

void TextTrace::message(std::int64_t now_us, const std::string& from, const std::string& to,
                        const std::string& what, bool arrives) {
    if (window_.contains(now_us)) {
        std::printf("%10.3f  %-3s %s %-3s %s\n", ms(now_us), from.c_str(), arrives ? "->" : "-x",
                    to.c_str(), what.c_str());
    }
}

void TextTrace::arrival(std::int64_t now_us, const std::string& node, const std::string& from,
                        const std::string& what) {
    event(now_us, node, "<- " + from + " " + what);
}

void DiagramTrace::add(std::int64_t now_us, std::string line) {
    if (!window_.contains(now_us)) {
        return;
    }
    lines_.emplace_back(now_us, std::move(line));
    if (lines_.size() > diagram_lines_max) {
        lines_.pop_front();
    }
}

void DiagramTrace::event(std::int64_t now_us, const std::string& node, const std::string& what) {
    add(now_us, "Note over n" + node + ": " + what);
}

void DiagramTrace::message(std::int64_t now_us, const std::string& from, const std::string& to,
                           const std::string& what, bool arrives) {
    add(now_us, "n" + from + (arrives ? "->>n" : "-xn") + to + ": " + what);
}

void DiagramTrace::print() const {
    std::printf("sequenceDiagram\n");
    for (const std::string& node : nodes_) {
        std::printf("    participant n%s\n", node.c_str());
    }
    for (const auto& [at_us, line] : lines_) {
        std::printf("    %%%% %.3f ms\n    %s\n", ms(at_us), line.c_str());
    }
}

} // namespace hp::sim
