// SPDX-License-Identifier: Apache-2.0
#include "cluster/places.hpp"

#include "cli/values.hpp"
#include "hp/os/files.hpp"

#include <algorithm>
#include <set>
#include <unistd.h>

namespace hp::dev {
namespace {

constexpr std::size_t name_bytes_max = 32;

bool is_file(const fs::path& path) {
    std::error_code ignored;
    return fs::is_regular_file(path, ignored);
}

bool is_folder(const fs::path& path) {
    std::error_code ignored;
    return fs::is_directory(path, ignored);
}

// Any number of them of one kind; nothing when `text` is not understood.
std::optional<std::vector<unsigned>> named_set(const Cluster& cluster, std::string_view text) {
    std::vector<unsigned> out;
    for (const ClusterNode& node : cluster.nodes) {
        const bool wanted = text == "all" || (text == "unl" && !node.observer) ||
                            (text == "observers" && node.observer) ||
                            (text == "last" && node.number == cluster.nodes.back().number);
        if (wanted) {
            out.push_back(node.number);
        }
    }
    const bool known = text == "all" || text == "unl" || text == "observers" || text == "last";
    return known ? std::optional(std::move(out)) : std::nullopt;
}

std::optional<unsigned> parse_node(std::string_view text) {
    if (text.starts_with('n')) {
        text.remove_prefix(1);
    }
    const auto number = cli::parse_count(text);
    return number && *number < 100'000 ? std::optional(static_cast<unsigned>(*number))
                                       : std::nullopt;
}

} // namespace

Expected<Place> find_place(const cli::Args& args) {
    std::error_code error;
    const fs::path given = args.shared.text("directory").value_or(".");
    const fs::path start = fs::canonical(given, error);
    if (error || !is_folder(start)) {
        return cli::failure(cli::ErrorId::file_not_found,
                            given.string() + " is not a folder that can be used");
    }
    for (fs::path at = start;; at = at.parent_path()) {
        const bool project = is_file(at / "hpdev.toml");
        if (project || is_folder(at / ".hp/clusters")) {
            return Place{at, project};
        }
        if (at == at.root_path()) {
            return Place{start, false};
        }
    }
}

bool is_cluster_name(std::string_view name) {
    const auto is_letter_or_digit = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    };
    return !name.empty() && name.size() <= name_bytes_max && is_letter_or_digit(name.front()) &&
           std::ranges::all_of(
               name, [&](char c) { return is_letter_or_digit(c) || c == '-' || c == '_'; });
}

Expected<std::string> cluster_name(const cli::Args& args, const Place& place) {
    std::error_code none;
    const fs::path target = fs::read_symlink(place.current(), none);
    const std::string fallback = none ? "default" : target.filename().string();
    std::string name = args.shared.text("cluster").value_or(fallback);
    if (!is_cluster_name(name)) {
        return cli::failure(cli::ErrorId::usage, "\"" + name + "\" is no name of a cluster",
                            "up to 32 of a-z, 0-9, - and _");
    }
    return name;
}

Expected<std::vector<std::string>> list_clusters(const Place& place) {
    std::vector<std::string> out;
    std::error_code error;
    for (const auto& item : fs::directory_iterator(place.clusters(), error)) {
        if (is_file(item.path() / "cluster.json")) {
            out.push_back(item.path().filename());
        }
    }
    std::ranges::sort(out);
    return out;
}

Done make_home(const Place& place) {
    HP_DEV_TRY_STATUS(os::make_directories(place.clusters()));
    constexpr std::string_view tag = "Signature: 8a477f597d28d172789f06886806bc55\n"
                                     "# Made by hpdev; clusters can be made again.\n";
    for (const auto& [name, content] :
         {std::pair<const char*, std::string_view>{".gitignore", "*\n"}, {"CACHEDIR.TAG", tag}}) {
        const fs::path path = place.home() / name;
        if (!is_file(path)) {
            HP_DEV_TRY_STATUS(os::replace_file(path, as_bytes(content), 0644));
        }
    }
    return {};
}

Done make_current(const Place& place, const std::string& name) {
    const fs::path fresh = place.home() / (".current." + std::to_string(::getpid()));
    std::error_code error;
    fs::remove(fresh, error);
    fs::create_symlink(fs::path("clusters") / name, fresh, error);
    if (!error) {
        fs::rename(fresh, place.current(), error);
    }
    return error
               ? Done(cli::failure(cli::ErrorId::failed, "cannot make " + place.current().string() +
                                                             ": " + error.message()))
               : Done();
}

Expected<Cluster> find_cluster(const cli::Args& args) {
    HP_DEV_TRY(const Place place, find_place(args));
    HP_DEV_TRY(const std::string name, cluster_name(args, place));
    auto out = load_cluster(place.cluster(name));
    if (!out && out.error().id == cli::ErrorId::no_cluster) {
        const auto others = list_clusters(place);
        out.error().message = "there is no cluster \"" + name + "\" in " + place.root.string();
        if (others && !others->empty()) {
            out.error().hint = "hpdev cluster list";
        } else if (!place.is_project) {
            out.error().hint = "this is no project either; hpdev new NAME makes one, "
                               "hpdev up --contract PATH runs a bundle";
        }
    }
    return out;
}

Expected<Cluster> find_running(const cli::Args& args) {
    HP_DEV_TRY(Cluster out, find_cluster(args));
    if (!out.is_running()) {
        return cli::failure(cli::ErrorId::cluster_down,
                            "the cluster \"" + out.name + "\" is not running", "hpdev up -d");
    }
    return out;
}

Expected<std::vector<unsigned>> parse_nodes(const Cluster& cluster, std::string_view text) {
    std::set<unsigned> out;
    for (const std::string& part : cli::split_list(text)) {
        if (const auto named = named_set(cluster, part)) {
            out.insert(named->begin(), named->end());
            continue;
        }
        const std::size_t dash = part.find('-');
        const auto first = parse_node(part.substr(0, dash));
        const auto last = dash == std::string::npos ? first : parse_node(part.substr(dash + 1));
        if (!first || !last || *first > *last) {
            return cli::failure(cli::ErrorId::usage, "\"" + part + "\" names no nodes",
                                "1  1,3  2-4  all  unl  observers  last");
        }
        for (unsigned number = *first; number <= *last; ++number) {
            if (cluster.find(number) == nullptr) {
                return cli::failure(cli::ErrorId::no_node,
                                    "the cluster \"" + cluster.name + "\" has no node " +
                                        std::to_string(number),
                                    "hpdev ps");
            }
            out.insert(number);
        }
    }
    if (out.empty()) {
        return cli::failure(cli::ErrorId::no_node,
                            "\"" + std::string(text) + "\": there are no such nodes", "hpdev ps");
    }
    return std::vector<unsigned>(out.begin(), out.end());
}

} // namespace hp::dev
