// SPDX-License-Identifier: Apache-2.0
#include "report.hpp"

#include <algorithm>
#include <iomanip>

#include <nlohmann/json.hpp>

namespace hp::bench {
namespace {

// Three decimals are microseconds where the unit is ms; more is noise.
double rounded(double value) {
    return static_cast<double>(static_cast<std::int64_t>(value * 1000.0 + 0.5)) / 1000.0;
}

} // namespace

void Report::add(std::string key, std::uint64_t value) {
    items_.push_back({std::move(key), value});
}

void Report::add(std::string key, double value) {
    items_.push_back({std::move(key), rounded(value)});
}

void Report::add(const std::string& key, const Samples& samples) {
    const Summary summary = samples.summarise();
    add(key + "_min_ms", summary.min_ms);
    add(key + "_median_ms", summary.median_ms);
    add(key + "_p90_ms", summary.p90_ms);
    add(key + "_p99_ms", summary.p99_ms);
    add(key + "_max_ms", summary.max_ms);
}

void Report::print_text(std::ostream& out) const {
    std::size_t width = 0;
    for (const Item& item : items_) {
        width = std::max(width, item.key.size());
    }
    out << name_ << "\n";
    for (const Item& item : items_) {
        out << "  " << std::left << std::setw(static_cast<int>(width)) << item.key << "  ";
        std::visit([&out](auto value) { out << std::fixed << std::setprecision(2) << value; },
                   item.value);
        out << "\n";
    }
}

void Report::print_json(std::ostream& out) const {
    nlohmann::ordered_json object;
    object["schema"] = "hp.bench." + name_ + "/1";
    for (const Item& item : items_) {
        std::visit([&](auto value) { object[item.key] = value; }, item.value);
    }
    out << object.dump() << "\n";
}

} // namespace hp::bench
