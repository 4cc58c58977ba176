// SPDX-License-Identifier: Apache-2.0
#include "cli/local_cluster.hpp"

#include "cli/user_files.hpp"
#include "cli/values.hpp"
#include "hp/base/limits.hpp"
#include "hp/client/key_store.hpp"
#include "hp/os/files.hpp"

#include <algorithm>
#include <sys/stat.h>
#include <unistd.h>

namespace hp::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view cluster_schema = "hp.cluster/1";

tl::unexpected<Failure> bad_cluster(const fs::path& file, const std::string& why) {
    return failure(ErrorId::bad_file, file.string() + ": " + why);
}

std::optional<std::uint64_t> number_member(const Json& object, const char* name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_number_unsigned()
               ? std::optional(found->get<std::uint64_t>())
               : std::nullopt;
}

std::optional<LocalNode> decode_node(const Json& json) {
    const auto number = json.is_object() ? number_member(json, "number") : std::nullopt;
    const auto url = json.is_object() ? text_member(json, "url") : std::nullopt;
    if (!number || *number == 0 || !url ||
        (!url->starts_with("wss://") && !url->starts_with("ws://"))) {
        return std::nullopt;
    }
    return LocalNode{*number,
                     text_member(json, "name").value_or("n" + std::to_string(*number)),
                     *url,
                     text_member(json, "role").value_or(""),
                     text_member(json, "state").value_or(""),
                     parse_public_key_hex(text_member(json, "public_key").value_or(""))};
}

// When a process was started, in the kernel's ticks: field 22 of proc(5), counted behind the name,
// which may hold anything.
std::optional<std::uint64_t> start_ticks(std::uint64_t pid) {
    const auto text = os::read_file("/proc/" + std::to_string(pid) + "/stat", 4096);
    const std::string line = text ? hp::to_text(*text) : "";
    const std::size_t end_of_name = line.rfind(')');
    if (end_of_name == std::string::npos) {
        return std::nullopt;
    }
    const auto fields = split_list(std::string_view(line).substr(end_of_name + 1));
    return fields.size() > 19 ? parse_number(fields[19]) : std::nullopt;
}

// Not on a machine that has been started anew since, nor when the process is gone or another one
// has its number.
bool is_supervised(const Json& json) {
    const auto found = json.find("supervisor");
    if (found == json.end() || !found->is_object()) {
        return false;
    }
    const auto pid = number_member(*found, "pid");
    const auto boot = text_member(*found, "boot_id");
    const auto now = os::read_file("/proc/sys/kernel/random/boot_id", 100);
    if (boot && now && hp::to_text(*now).substr(0, boot->size()) != *boot) {
        return false;
    }
    const auto started = pid && *pid > 0 ? start_ticks(*pid) : std::nullopt;
    const auto expected = number_member(*found, "start_time");
    return started && (!expected || *expected == *started);
}

tl::expected<LocalCluster, Failure> decode_cluster(const fs::path& file, ByteView text) {
    const Json json = Json::parse(text.begin(), text.end(), nullptr, false);
    if (!json.is_object() || text_member(json, "schema") != cluster_schema) {
        return bad_cluster(file, "not of schema " + std::string(cluster_schema));
    }
    LocalCluster out;
    out.file = file;
    out.name = text_member(json, "name").value_or("");
    out.contract_id = text_member(json, "contract_id").value_or("");
    if (const auto percent = number_member(json, "threshold"); percent && *percent <= 100) {
        out.threshold = static_cast<unsigned>(*percent);
    }
    const auto nodes = json.find("nodes");
    if (nodes == json.end() || !nodes->is_array() || out.name.empty()) {
        return bad_cluster(file, "without a name or nodes");
    }
    for (const Json& item : *nodes) {
        auto node = decode_node(item);
        if (!node) {
            return bad_cluster(file, "a node without number or url");
        }
        out.nodes.push_back(std::move(*node));
    }
    std::ranges::sort(out.nodes, {}, &LocalNode::number);
    const bool runs = std::ranges::find(out.nodes, "running", &LocalNode::state) != out.nodes.end();
    out.is_running = runs && is_supervised(json);
    return out;
}

// "missing" is no error.
tl::expected<std::optional<LocalCluster>, Failure> read_cluster(const fs::path& file) {
    struct stat info {};
    if (::stat(file.c_str(), &info) != 0) {
        return std::nullopt;
    }
    const uid_t self = ::geteuid();
    if (info.st_uid != self && info.st_uid != 0 && self != 0) {
        return bad_cluster(file, "belongs to another user, who could send us anywhere");
    }
    const auto text = os::read_file(file, limits::config_bytes_max);
    if (!text) {
        return bad_cluster(file, text.err().context);
    }
    return decode_cluster(file, *text).map([](LocalCluster cluster) {
        return std::optional(std::move(cluster));
    });
}

std::vector<std::string> known_clusters(const fs::path& from) {
    std::vector<std::string> out;
    std::error_code ignored;
    for (fs::path at = fs::absolute(from, ignored); out.empty(); at = at.parent_path()) {
        for (const auto& entry : fs::directory_iterator(at / ".hp/clusters", ignored)) {
            out.push_back(entry.path().filename().string());
        }
        if (at == at.parent_path()) {
            break;
        }
    }
    std::ranges::sort(out);
    return out;
}

} // namespace

tl::expected<std::optional<LocalCluster>, Failure>
find_cluster(const fs::path& from, const std::optional<std::string>& name) {
    if (name && !client::is_key_name(*name)) { // the same rules; never a path
        return failure(ErrorId::usage,
                       "--cluster \"" + *name +
                           "\": expected letters, digits, dot, dash and underscore");
    }
    const fs::path inside =
        name ? fs::path(".hp/clusters") / *name / "cluster.json" : ".hp/current/cluster.json";
    std::error_code error;
    fs::path at = fs::absolute(from, error);
    while (true) {
        auto found = read_cluster(at / inside);
        if (!found || *found) {
            return found;
        }
        if (at == at.parent_path()) {
            return std::nullopt;
        }
        at = at.parent_path();
    }
}

tl::expected<LocalCluster, Failure> require_cluster(const fs::path& from,
                                                    const std::optional<std::string>& name) {
    auto found = find_cluster(from, name);
    if (!found) {
        return tl::unexpected(std::move(found.error()));
    }
    if (*found) {
        return std::move(**found);
    }
    std::string known;
    for (const std::string& one : known_clusters(from)) {
        known += (known.empty() ? "there are: " : ", ") + one;
    }
    return failure(ErrorId::no_cluster,
                   name ? "there is no cluster \"" + *name + "\" here or in a folder above"
                        : "there is no cluster here or in a folder above",
                   known.empty() ? "hpdev up starts one" : known);
}

namespace {

struct Span {
    std::uint64_t first;
    std::uint64_t last;
};

std::optional<Span> parse_span(std::string_view word) {
    const std::size_t dash = word.find('-');
    const auto first = parse_count(word.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : parse_count(word.substr(dash + 1));
    return first && last && *first <= *last ? std::optional(Span{*first, *last}) : std::nullopt;
}

// Whether one word of a set means this node.
bool is_meant(const LocalCluster& cluster, const LocalNode& node, std::string_view word) {
    if (word == "unl" || word == "observers") {
        return (node.role == "observer") == (word == "observers");
    }
    if (word == "last") {
        return node.number == cluster.nodes.back().number;
    }
    if (const auto span = parse_span(word)) {
        return node.number >= span->first && node.number <= span->last;
    }
    return word == "all" || word == node.name;
}

} // namespace

tl::expected<std::vector<LocalNode>, Failure> select_nodes(const LocalCluster& cluster,
                                                           std::string_view set) {
    std::vector<LocalNode> out;
    const auto words = split_list(set);
    if (words.empty()) {
        return failure(ErrorId::usage,
                       "a set of nodes is 1, 1,3, 2-4, all, unl, observers or last");
    }
    for (const std::string& word : words) {
        std::size_t meant = 0;
        for (const LocalNode& node : cluster.nodes) {
            if (!is_meant(cluster, node, word)) {
                continue;
            }
            ++meant;
            if (std::ranges::find(out, node.number, &LocalNode::number) == out.end()) {
                out.push_back(node);
            }
        }
        const auto span = parse_span(word);
        if (meant == 0 || (span && meant != span->last - span->first + 1)) {
            return failure(ErrorId::no_node,
                           "cluster \"" + cluster.name + "\" has no node \"" + word + "\"",
                           "it has " + std::to_string(cluster.nodes.size()) +
                               "; a set is 1, 1,3, 2-4, all, unl, observers or last");
        }
    }
    return out;
}

} // namespace hp::cli
