// SPDX-License-Identifier: Apache-2.0
#include "chaos/fault.hpp"

#include "cli/values.hpp"
#include "cluster/places.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <set>

namespace hp::dev {
namespace {

constexpr std::array<std::string_view, 6> kinds = {"link",  "partition", "kill",
                                                   "pause", "disk",      "contract"};
constexpr std::array<std::string_view, 4> troubles = {"crash", "hang", "slow", "differ"};
constexpr std::array<std::string_view, 3> lanes = {"votes", "inputs", "bulk"};
constexpr std::int64_t delay_ms_max = 60'000;

using Words = std::vector<std::string>;
// Gives the nodes that a word means.
using Resolve = std::function<Expected<std::vector<unsigned>>(const std::string&)>;

tl::unexpected<cli::Failure> bad_words(const std::string& what, const std::string& hint) {
    return cli::failure(cli::ErrorId::usage, what, hint);
}

std::string number_list(const std::vector<unsigned>& numbers) {
    std::string out;
    for (const unsigned number : numbers) {
        out += (out.empty() ? "" : ",") + std::to_string(number);
    }
    return out;
}

std::string share_text(double share) {
    std::string out = std::to_string(share * 100);
    out.erase(out.find_last_not_of('0') + 1);
    if (out.back() == '.') {
        out.pop_back();
    }
    return out + "%";
}

std::string shape_text(const LinkShape& shape) {
    std::string out;
    if (shape.latency_ms != 0) {
        out += " latency=" + std::to_string(shape.latency_ms) + "ms";
    }
    if (shape.jitter_ms != 0) {
        out += " jitter=" + std::to_string(shape.jitter_ms) + "ms";
    }
    if (shape.loss > 0) {
        out += " loss=" + share_text(shape.loss);
    }
    if (shape.duplicate > 0) {
        out += " duplicate=" + share_text(shape.duplicate);
    }
    if (shape.bytes_per_second != 0) {
        out += " rate=" + std::to_string(shape.bytes_per_second);
    }
    return shape.only.empty() ? out : out + " only=" + shape.only;
}

// --- parsing -------------------------------------------------------------------------------------

constexpr const char* link_hint =
    "link NODES [NODES] latency=120ms jitter=30ms loss=5% duplicate=1% rate=1MiB only=votes oneway";

bool read_delay(const std::string& text, std::uint64_t& to) {
    const auto value = cli::parse_duration_ms(text);
    if (!value || *value > delay_ms_max) {
        return false;
    }
    to = static_cast<std::uint64_t>(*value);
    return true;
}

bool read_share(const std::string& text, double& to) {
    const auto value = parse_chaos_share(text);
    to = value.value_or(to);
    return value.has_value();
}

// One word "name=value" of a link.
bool read_shape(const std::string& name, const std::string& value, LinkShape& to) {
    if (name == "latency") {
        return read_delay(value, to.latency_ms);
    }
    if (name == "jitter") {
        return read_delay(value, to.jitter_ms);
    }
    if (name == "loss") {
        return read_share(value, to.loss);
    }
    if (name == "duplicate") {
        return read_share(value, to.duplicate);
    }
    if (name == "rate") {
        const auto rate = parse_chaos_rate(value);
        to.bytes_per_second = rate.value_or(0);
        return rate.has_value();
    }
    to.only = value;
    return name == "only" && std::ranges::find(lanes, value) != lanes.end();
}

Expected<ClusterFault> read_link(const Words& words, const Resolve& resolve) {
    ClusterFault out;
    out.kind = FaultKind::link;
    for (std::size_t i = 1; i < words.size(); ++i) {
        const std::string& word = words[i];
        const std::size_t equals = word.find('=');
        if (word == "oneway") {
            out.oneway = true;
        } else if (equals != std::string::npos) {
            if (!read_shape(word.substr(0, equals), word.substr(equals + 1), out.shape)) {
                return bad_words("\"" + word + "\" says nothing about a link", link_hint);
            }
        } else {
            HP_DEV_TRY(out.sets.emplace_back(), resolve(word));
        }
    }
    if (out.sets.empty() || out.sets.size() > 2 || out.shape == LinkShape{} ||
        (out.oneway && out.sets.size() != 2)) {
        return bad_words("a link has one or two ends and something that is wrong with it; oneway "
                         "needs two",
                         link_hint);
    }
    return out;
}

Expected<ClusterFault> read_partition(const Words& words, const Resolve& resolve) {
    ClusterFault out;
    out.kind = FaultKind::partition;
    std::string joined; // "1,2 / 3" and "1,2|3" mean the same
    for (std::size_t i = 1; i < words.size(); ++i) {
        joined += words[i] + " ";
    }
    std::ranges::replace(joined, '|', '/');
    std::set<unsigned> seen;
    for (std::size_t at = 0; at <= joined.size();) {
        const std::size_t end = std::min(joined.find('/', at), joined.size());
        const std::vector<std::string> part = cli::split_list(joined.substr(at, end - at));
        at = end + 1;
        if (part.empty()) {
            return bad_words("a partition has sides, with a slash between them",
                             "partition 1,2 / 3,4");
        }
        std::string side;
        for (const std::string& word : part) {
            side += (side.empty() ? "" : ",") + word;
        }
        HP_DEV_TRY(const std::vector<unsigned> numbers, resolve(side));
        for (const unsigned number : numbers) {
            if (!seen.insert(number).second) {
                return bad_words("n" + std::to_string(number) + " cannot be on two sides",
                                 "partition 1,2 / 3,4");
            }
        }
        out.sets.push_back(numbers);
    }
    return out;
}

Expected<ClusterFault> read_contract(ClusterFault out, const Words& words) {
    const std::string& word = words.size() == 3 ? words[2] : words[0];
    const std::string name = word.substr(0, word.find('='));
    const auto found = std::ranges::find(troubles, name);
    const bool has_value = name.size() != word.size();
    if (words.size() != 3 || found == troubles.end() || has_value != (name == "slow") ||
        (has_value && !read_delay(word.substr(name.size() + 1), out.slow_ms))) {
        return bad_words("what shall become of the contract?",
                         "contract NODES crash|hang|differ|slow=900ms");
    }
    out.trouble = static_cast<ContractTrouble>(found - troubles.begin());
    return out;
}

Expected<ClusterFault> read_fault(const Words& words, const Resolve& resolve) {
    const auto found = words.empty() ? kinds.end() : std::ranges::find(kinds, words.front());
    if (found == kinds.end()) {
        return bad_words((words.empty() ? std::string("nothing") : "\"" + words.front() + "\"") +
                             " is no fault",
                         "link, partition, kill, pause, disk or contract");
    }
    const auto kind = static_cast<FaultKind>(found - kinds.begin());
    if (kind == FaultKind::link) {
        return read_link(words, resolve);
    }
    if (kind == FaultKind::partition) {
        return read_partition(words, resolve);
    }
    if (words.size() < 2) {
        return bad_words(words.front() + " which nodes?", words.front() + " 2");
    }
    ClusterFault out;
    out.kind = kind;
    HP_DEV_TRY(out.sets.emplace_back(), resolve(words[1]));
    if (kind == FaultKind::contract) {
        return read_contract(std::move(out), words);
    }
    const bool right =
        kind == FaultKind::disk ? words.size() == 3 && words[2] == "full" : words.size() == 2;
    if (!right) {
        return bad_words(words.front() + " does not understand what follows",
                         kind == FaultKind::disk ? "disk NODES full" : words.front() + " NODES");
    }
    return out;
}

} // namespace

std::string_view to_string(ContractTrouble trouble) {
    return troubles[static_cast<std::size_t>(trouble)];
}

std::vector<unsigned> ClusterFault::nodes() const {
    std::set<unsigned> out;
    for (const auto& set : sets) {
        out.insert(set.begin(), set.end());
    }
    return {out.begin(), out.end()};
}

bool ClusterFault::touches(unsigned number) const {
    return std::ranges::any_of(sets, [number](const std::vector<unsigned>& set) {
        return std::ranges::find(set, number) != set.end();
    });
}

std::string fault_text(const ClusterFault& fault) {
    std::string out(kinds[static_cast<std::size_t>(fault.kind)]);
    for (std::size_t i = 0; i < fault.sets.size(); ++i) {
        out += (i > 0 && fault.kind == FaultKind::partition ? " / " : " ") +
               number_list(fault.sets[i]);
    }
    switch (fault.kind) {
    case FaultKind::link:
        return out + shape_text(fault.shape) + (fault.oneway ? " oneway" : "");
    case FaultKind::disk:
        return out + " full";
    case FaultKind::contract:
        out += " " + std::string(to_string(fault.trouble));
        return fault.trouble == ContractTrouble::slow
                   ? out + "=" + std::to_string(fault.slow_ms) + "ms"
                   : out;
    default:
        return out;
    }
}

Expected<ClusterFault> parse_fault(const Cluster& cluster, const std::vector<std::string>& words) {
    HP_DEV_TRY(ClusterFault out, read_fault(words, [&cluster](const std::string& text) {
                   return parse_nodes(cluster, text);
               }));
    if (out.kind ==
        FaultKind::partition) { // who is not named stands together, on a side of its own
        std::vector<unsigned> rest;
        for (const ClusterNode& node : cluster.nodes) {
            if (!out.touches(node.number)) {
                rest.push_back(node.number);
            }
        }
        if (!rest.empty()) {
            out.sets.push_back(rest);
        }
        if (out.sets.size() < 2) {
            return bad_words("a partition of all nodes has two sides at least",
                             "partition 1,2 / 3,4");
        }
    }
    return out;
}

Done check_fault_words(const std::vector<std::string>& words) {
    unsigned next = 0; // so that sides differ
    const auto read = read_fault(words, [&next](const std::string&) {
        return Expected<std::vector<unsigned>>(std::vector<unsigned>{++next});
    });
    return read ? Done() : Done(tl::unexpected(read.error()));
}

std::optional<double> parse_chaos_share(std::string_view text) {
    const bool percent = text.ends_with('%');
    const std::string digits(percent ? text.substr(0, text.size() - 1) : text);
    if (digits.empty() || digits.find_first_not_of("0123456789.") != std::string::npos ||
        std::ranges::count(digits, '.') > 1 || digits == ".") {
        return std::nullopt;
    }
    const double value = std::stod(digits) / (percent ? 100 : 1);
    return value <= 1 ? std::optional(value) : std::nullopt;
}

std::optional<std::uint64_t> parse_chaos_rate(std::string_view text) {
    if (text.ends_with("/s")) {
        text.remove_suffix(2);
    }
    std::uint64_t unit = 1;
    for (const auto& [name, bytes] :
         {std::pair<std::string_view, std::uint64_t>{"KiB", 1024}, {"MiB", 1024 * 1024}}) {
        if (text.ends_with(name)) {
            text.remove_suffix(name.size());
            unit = bytes;
        }
    }
    const auto number = cli::parse_count(text);
    constexpr std::uint64_t number_max = 1'000'000'000;
    return number && *number <= number_max ? std::optional(*number * unit) : std::nullopt;
}

std::vector<std::pair<unsigned, unsigned>> directions_of(const ClusterFault& fault,
                                                         const std::vector<unsigned>& all) {
    std::set<std::pair<unsigned, unsigned>> out;
    const auto connect = [&](const std::vector<unsigned>& from, const std::vector<unsigned>& to) {
        for (const unsigned a : from) {
            for (const unsigned b : to) {
                if (a != b) {
                    out.emplace(a, b);
                }
            }
        }
    };
    if (fault.kind == FaultKind::partition) {
        for (const auto& a : fault.sets) {
            for (const auto& b : fault.sets) {
                if (&a != &b) {
                    connect(a, b);
                }
            }
        }
    } else if (fault.kind == FaultKind::link) {
        const auto& first = fault.sets.front();
        // A single node: everything between it and the others.
        const auto& second = fault.sets.size() == 2 ? fault.sets[1]
                             : first.size() == 1    ? all
                                                    : first;
        connect(first, second);
        if (!fault.oneway) {
            connect(second, first);
        }
    }
    return {out.begin(), out.end()};
}

} // namespace hp::dev
