// SPDX-License-Identifier: Apache-2.0
//
// One row per field. Reading checks types and ranges of the C++ types, nothing more.
//
// Threads: pure functions.
#include "config_fields.hpp"

#include <array>
#include <limits>
#include <utility>

namespace hp::contract::detail {
namespace {

std::string complain(const std::string& path, std::string_view what) {
    return std::string(path).append(": ").append(what);
}

std::string read_text(const Value& value, const std::string& path, std::string& out) {
    if (!value.text())
        return complain(path, "must be a string");
    out = *value.text();
    return {};
}

/// Numbers with a fraction or an exponent are no integers here: nodes refuse them.
template <typename T>
std::string read_count(const Value& value, const std::string& path, T& out) {
    const auto number = value.integer();
    if (value.type() != Value::Type::integer || !std::in_range<T>(*number))
        return complain(path, "must be a whole number from 0 to " +
                                  std::to_string(std::min<std::uint64_t>(
                                      std::numeric_limits<T>::max(),
                                      std::numeric_limits<std::int64_t>::max())));
    out = static_cast<T>(*number);
    return {};
}

std::string read_visibility(const Value& value, const std::string& path, Visibility& out) {
    if (value.text() != "public" && value.text() != "private")
        return complain(path, "must be \"public\" or \"private\"");
    out = value.text() == "public" ? Visibility::public_ : Visibility::private_;
    return {};
}

Value write_visibility(Visibility mode) {
    return mode == Visibility::public_ ? "public" : "private";
}

/// Keys are the same whatever the case of their digits; nodes accept both.
std::string lowercase(std::string_view hex) {
    std::string out(hex);
    for (char& c : out)
        if (c >= 'A' && c <= 'F')
            c = static_cast<char>(c - 'A' + 'a');
    return out;
}

std::string read_unl(const Value& value, const std::string& path, Config& config) {
    if (value.type() != Value::Type::array)
        return complain(path, "must be an array");
    std::string problems;
    config.unl.clear();
    for (std::size_t i = 0; i < value.items().size(); ++i) {
        const auto key = PublicKey::from_hex(lowercase(value.items()[i].text().value_or("")));
        if (key)
            config.unl.push_back(*key);
        else
            problems += (problems.empty() ? "" : "\n") +
                        complain(path + "[" + std::to_string(i) + "]", "must be 66 hex digits");
    }
    return problems;
}

Value write_unl(const Config& config) {
    Value::Array out;
    for (const PublicKey& key : config.unl)
        out.emplace_back(key.hex());
    return out;
}

std::string read_environment(const Value& value, const std::string& path, Config& config) {
    if (value.type() != Value::Type::object)
        return complain(path, "must be an object");
    std::string problems;
    config.environment.clear();
    for (const auto& [name, content] : value.members()) {
        if (content.text())
            config.environment.push_back({name, std::string(*content.text())});
        else
            problems += (problems.empty() ? "" : "\n") +
                        complain(path + "." + json_quote(name), "must be a string");
    }
    return problems;
}

Value write_environment(const Config& config) {
    Value::Object out;
    for (const auto& [name, content] : config.environment)
        out.push_back({name, content});
    return out;
}

/// A row for a text or number that is a plain member of Config or of one of its sections. `Member`
/// is a function that finds it.
template <auto Find>
constexpr ConfigField text_field(std::string_view name) {
    return {"", name,
            [](const Value& value, const std::string& path, Config& config) {
                return read_text(value, path, Find(config));
            },
            [](const Config& config) { return Value(Find(config)); }};
}

template <auto Find>
constexpr ConfigField count_field(std::string_view section, std::string_view name) {
    return {section, name,
            [](const Value& value, const std::string& path, Config& config) {
                return read_count(value, path, Find(config));
            },
            [](const Config& config) { return Value(Find(config)); }};
}

template <auto Find>
constexpr ConfigField visibility_field(std::string_view section) {
    return {section, "mode",
            [](const Value& value, const std::string& path, Config& config) {
                return read_visibility(value, path, Find(config));
            },
            [](const Config& config) { return write_visibility(Find(config)); }};
}

template <auto Member>
constexpr auto in_config = [](auto& config) -> auto& {
    return config.*Member;
};
template <auto Member>
constexpr auto in_consensus = [](auto& config) -> auto& {
    return config.consensus.*Member;
};
template <auto Member>
constexpr auto in_limits = [](auto& config) -> auto& {
    return config.round_limits.*Member;
};

constexpr std::string_view consensus = "consensus";
constexpr std::string_view limits = "round_limits";

constexpr std::array fields{
    text_field<in_config<&Config::version>>("version"),
    ConfigField{"", "unl", read_unl, write_unl},
    text_field<in_config<&Config::bin_path>>("bin_path"),
    text_field<in_config<&Config::bin_args>>("bin_args"),
    ConfigField{"", "environment", read_environment, write_environment},
    count_field<in_config<&Config::max_input_ledger_offset>>("", "max_input_ledger_offset"),
    visibility_field<in_consensus<&ConsensusConfig::mode>>(consensus),
    count_field<in_consensus<&ConsensusConfig::roundtime_ms>>(consensus, "roundtime"),
    count_field<in_consensus<&ConsensusConfig::stage_slice_percent>>(consensus, "stage_slice"),
    count_field<in_consensus<&ConsensusConfig::threshold_percent>>(consensus, "threshold"),
    visibility_field<in_config<&Config::npl_mode>>("npl"),
    count_field<in_limits<&RoundLimits::user_input_bytes>>(limits, "user_input_bytes"),
    count_field<in_limits<&RoundLimits::user_output_bytes>>(limits, "user_output_bytes"),
    count_field<in_limits<&RoundLimits::npl_output_bytes>>(limits, "npl_output_bytes"),
    count_field<in_limits<&RoundLimits::proc_cpu_seconds>>(limits, "proc_cpu_seconds"),
    count_field<in_limits<&RoundLimits::proc_mem_bytes>>(limits, "proc_mem_bytes"),
    count_field<in_limits<&RoundLimits::proc_ofd_count>>(limits, "proc_ofd_count"),
    count_field<in_limits<&RoundLimits::exec_timeout_ms>>(limits, "exec_timeout"),
};

} // namespace

std::span<const ConfigField> config_fields() noexcept {
    return fields;
}

} // namespace hp::contract::detail
