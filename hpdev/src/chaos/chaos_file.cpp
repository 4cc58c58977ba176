// SPDX-License-Identifier: Apache-2.0
#include "chaos/chaos_file.hpp"

#include "hp/base/limits.hpp"
#include "hp/os/files.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sstream>
#include <sys/file.h>

namespace hp::dev {
namespace {

constexpr std::size_t record_bytes_max = limits::mib;
constexpr std::string_view record_schema = "hp.chaos/1";

fs::path record_file(const Cluster& cluster) {
    return cluster.dir / "chaos.json";
}

Json mark_json(const ProcessMark& mark) {
    return {{"pid", mark.pid}, {"start_time", mark.start_time}};
}

bool is_mark(const Json& json, const ProcessMark& mark) {
    return json.is_object() && json == mark_json(mark);
}

cli::Failure damaged(const Cluster& cluster) {
    return {cli::ErrorId::bad_file, record_file(cluster).string() + " is not what hpdev writes",
            "remove it; hpdev node restart all ends all faults"};
}

std::vector<std::string> words_of(const std::string& text) {
    std::istringstream in(text);
    std::vector<std::string> out;
    for (std::string word; in >> word;) {
        out.push_back(word);
    }
    return out;
}

// False when a node that it names is gone: then it is no fault any more.
bool read_one(const Cluster& cluster, const Json& json, ChaosRecord& to) {
    auto fault = parse_fault(cluster, words_of(json.value("do", "")));
    if (!fault) {
        return fault.error().id == cli::ErrorId::no_node;
    }
    fault->id = json.value("id", 0U);
    fault->since_ms = json.value("since_ms", std::int64_t{0});
    fault->until_ms = json.value("until_ms", std::int64_t{0});
    to.faults.push_back(*std::move(fault));
    return true;
}

// A fault of whole processes is over when its node is as it should be.
bool is_over(const Cluster& cluster, const ChaosRecord& record, const ClusterFault& fault,
             unsigned number) {
    const ClusterNode& node = *cluster.find(number);
    if (fault.kind == FaultKind::kill) {
        return node.has_process();
    }
    if (fault.kind == FaultKind::pause) {
        return node.state != NodeState::paused;
    }
    const auto told = record.told.find(number);
    return fault.kind == FaultKind::disk && node.has_process() &&
           (told == record.told.end() || told->second.pid != node.process.pid ||
            told->second.start_time != node.process.start_time);
}

} // namespace

Expected<ChaosRecord> load_chaos(const Cluster& cluster) {
    ChaosRecord out;
    const auto text = os::read_file(record_file(cluster), record_bytes_max);
    if (!text) {
        return text.err().code == Errc::not_found ? Expected<ChaosRecord>(out)
                                                  : tl::unexpected(to_failure(text.err()));
    }
    try {
        const Json json = Json::parse(as_text(*text));
        if (json.value("schema", "") != record_schema) {
            return tl::unexpected(damaged(cluster));
        }
        if (!is_mark(json.value("supervisor", Json()), cluster.supervisor)) {
            return out;
        }
        out.next_id = json.value("next_id", 1U);
        for (const auto& [number, mark] : json.at("told").items()) {
            ProcessMark process;
            process.pid = mark.at("pid").get<int>();
            process.start_time = mark.at("start_time").get<std::uint64_t>();
            out.told[static_cast<unsigned>(std::stoul(number))] = process;
        }
        for (const Json& fault : json.at("faults")) {
            if (!read_one(cluster, fault, out)) {
                return tl::unexpected(damaged(cluster));
            }
        }
    } catch (const std::exception&) { // the JSON library's, and of numbers
        return tl::unexpected(damaged(cluster));
    }
    for (ClusterFault& fault : out.faults) {
        for (auto& set : fault.sets) {
            std::erase_if(set, [&](unsigned number) {
                return cluster.find(number) == nullptr || is_over(cluster, out, fault, number);
            });
        }
    }
    std::erase_if(out.faults, [](const ClusterFault& fault) { return fault.nodes().empty(); });
    return out;
}

Done save_chaos(const Cluster& cluster, const ChaosRecord& record) {
    Json faults = Json::array();
    for (const ClusterFault& fault : record.faults) {
        faults.push_back({{"id", fault.id},
                          {"do", fault_text(fault)},
                          {"since_ms", fault.since_ms},
                          {"until_ms", fault.until_ms}});
    }
    Json told = Json::object();
    for (const auto& [number, mark] : record.told) {
        told[std::to_string(number)] = mark_json(mark);
    }
    const Json json = {{"schema", record_schema},
                       {"supervisor", mark_json(cluster.supervisor)},
                       {"next_id", record.next_id},
                       {"faults", std::move(faults)},
                       {"told", std::move(told)}};
    const std::string text = dump_json(json) + "\n";
    HP_DEV_TRY_STATUS(os::replace_file(record_file(cluster), as_bytes(text), 0644));
    return {};
}

Expected<os::Fd> lock_chaos(const Cluster& cluster) {
    HP_DEV_TRY(os::Fd file, os::open_file(cluster.dir / "chaos.lock", O_RDWR | O_CREAT, 0644));
    while (::flock(file.get(), LOCK_EX) != 0) {
        if (errno != EINTR) {
            return tl::unexpected(to_failure(errno_error("cannot lock chaos.lock", errno)));
        }
    }
    return file;
}

std::vector<unsigned> not_told(const Cluster& cluster, const ChaosRecord& record,
                               const ClusterFault& fault) {
    std::vector<unsigned> out;
    if (fault.kind == FaultKind::kill || fault.kind == FaultKind::pause) {
        return out; // the supervisor's doing, not the node's
    }
    for (const unsigned number : fault.nodes()) {
        const ClusterNode* node = cluster.find(number);
        const auto told = record.told.find(number);
        if (node != nullptr && node->has_process() &&
            (told == record.told.end() || told->second.pid != node->process.pid ||
             told->second.start_time != node->process.start_time)) {
            out.push_back(number);
        }
    }
    return out;
}

} // namespace hp::dev
