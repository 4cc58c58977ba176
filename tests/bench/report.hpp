// SPDX-License-Identifier: Apache-2.0
// The result of one benchmark: an ordered list of named numbers, printed as lines for people or as
// one flat JSON object. One owner.
#pragma once

#include "samples.hpp"

#include <cstdint>
#include <ostream>
#include <string>
#include <variant>
#include <vector>

namespace hp::bench {

class Report {
public:
    // `name` completes the JSON schema: hp.bench.<name>/1.
    explicit Report(std::string name) : name_(std::move(name)) {}

    // Keys end in their unit.
    void add(std::string key, std::uint64_t value);
    void add(std::string key, double value);

    // <key>_min_ms, <key>_median_ms and so on.
    void add(const std::string& key, const Samples& samples);

    void print_text(std::ostream& out) const;
    void print_json(std::ostream& out) const;

private:
    struct Item {
        std::string key;
        std::variant<std::uint64_t, double> value;
    };
    std::string name_;
    std::vector<Item> items_;
};

} // namespace hp::bench
