// SPDX-License-Identifier: Apache-2.0
#include "report/report.hpp"

#include "cluster/log_tail.hpp"
#include "cluster/node_folder.hpp"
#include "cluster/node_view.hpp"
#include "cluster/run_program.hpp"
#include "hp/base/version.hpp"
#include "hp/config/contract_dir.hpp"
#include "hp/os/files.hpp"
#include "project/archive.hpp"
#include "project/project.hpp"
#include "project/toolkit.hpp"
#include "report/redact.hpp"

#include <sys/utsname.h>
#include <thread>
#include <zstd.h>

namespace hp::dev {
namespace {

constexpr std::size_t file_bytes_max = 1024 * 1024;
constexpr std::size_t program_output_bytes_max = 16 * 1024 * 1024;

// The files as they grow, and the secrets that must not be in any of them.
class Collector {
public:
    explicit Collector(const ReportWanted& wanted) : wanted_(wanted) {}

    void add(const std::string& name, const std::string& text) { texts_[name] = text; }

    void add_json(const std::string& name, const Json& json) {
        add(name,
            redact_json(json, secrets_).dump(4, ' ', false, Json::error_handler_t::replace) + "\n");
    }

    // A file of JSON whose secrets are members; what cannot be parsed stays out.
    void add_settings(const std::string& name, const fs::path& path) {
        const auto content = os::read_file(path, file_bytes_max);
        if (!content) {
            return;
        }
        const auto json = parse_object(to_text(*content));
        if (json) {
            add_json(name, *json);
        } else {
            add(name, "(no JSON, left out)\n");
        }
    }

    void add_file(const std::string& name, const fs::path& path) {
        if (const auto content = os::read_file(path, file_bytes_max)) {
            add(name, to_text(*content));
        }
    }

    void add_log(const std::string& name, const fs::path& path) {
        std::string text;
        for (const std::string& line : tail_of(path, wanted_.log_lines_max)) {
            text += line + "\n";
        }
        if (!text.empty()) {
            add(name, text);
        }
    }

    // What a command of ours says; stderr comes after it.
    void add_command(const std::string& name, const Place& place,
                     std::vector<std::string> arguments) {
        arguments.insert(arguments.end(), {"-C", place.root.string()});
        const auto said = run_program(own_program(), arguments, program_output_bytes_max);
        add(name, said ? said->output + said->errors : said.error().message + "\n");
    }

    FileTree files() const {
        FileTree out;
        for (const auto& [name, text] : texts_) {
            const std::string clean = redact_text(text, secrets_);
            const ByteView bytes = as_bytes(clean);
            out[name] = TreeFile{Bytes(bytes.begin(), bytes.end()), false};
        }
        return out;
    }

private:
    ReportWanted wanted_;
    std::map<std::string, std::string> texts_;
    std::vector<std::string> secrets_;
};

std::string machine_text() {
    utsname names{};
    ::uname(&names);
    std::string out = std::string(names.sysname) + " " + names.release + " " + names.machine +
                      ", " + std::to_string(std::thread::hardware_concurrency()) + " processors\n";
    const auto system = os::read_file("/etc/os-release", file_bytes_max);
    return out + (system ? to_text(*system) : std::string());
}

std::string checks_text(const cli::Checks& checks) {
    std::string out;
    for (const cli::Check& check : checks) {
        const char* state = check.state == cli::Check::State::ok     ? "ok    "
                            : check.state == cli::Check::State::warn ? "warn  "
                                                                     : "fail  ";
        out += state + check.what + ": " + check.found + "\n";
    }
    return out;
}

void add_node(Collector& out, const std::string& head, const ClusterNode& node) {
    const config::ContractDir dir = config::contract_dir(node.dir);
    out.add_settings(head + "hp.cfg", dir.config());
    out.add_settings(head + "patch.cfg", dir.seed() / "patch.cfg");
    if (node.state == NodeState::running) {
        if (const auto status = ask_node(node)) {
            out.add_json(head + "status.json", *status);
        }
    }
    out.add_log(head + "hp.log", dir.log() / "hp.log");
    out.add_log(head + "stderr.log", dir.log() / "stderr.log");
    for (const char* name : {"rw.stdout.log", "rw.stderr.log", "ro.stdout.log", "ro.stderr.log"}) {
        out.add_log(head + name, dir.contract_log() / name);
    }
}

Json tips_of(const Cluster& cluster) {
    Json out = Json::array();
    for (const NodeView& view : view_nodes(cluster)) {
        out.push_back({{"node", view.node.number},
                       {"state", to_string(view.node.state)},
                       {"vote_status", view.vote_status},
                       {"ledger", view.ledger},
                       {"ledger_hash", view.ledger_hash},
                       {"state_hash", view.state_hash},
                       {"why_not", view.why_not},
                       {"suspended", view.suspended},
                       {"last_run", view.last_run}});
    }
    return out;
}

void add_cluster(Collector& out, const Place& place, const std::string& name) {
    const std::string head = "clusters/" + name + "/";
    const auto cluster = load_cluster(place.cluster(name));
    if (!cluster) {
        out.add(head + "problem.txt", cluster.error().message + "\n");
        return;
    }
    Json described = to_json(*cluster);
    if (cluster->dashboard) {
        described["dashboard"] = without_token(*cluster->dashboard);
    }
    out.add_json(head + "cluster.json", described);
    out.add_log(head + "supervisor.log", cluster->dir / "supervisor.log");
    for (const ClusterNode& node : cluster->nodes) {
        add_node(out, head + node.name() + "/", node);
    }
    out.add_json(head + "tips.json", tips_of(*cluster));
    out.add_command(head + "ps.txt", place, {"ps", "--cluster", name});
    out.add_command(head + "diff.txt", place, {"diff", "--cluster", name});
}

constexpr const char* about_text =
    "What \"hpdev report\" collects for whoever looks for a fault. Look through it before you "
    "give\n"
    "it away: logs hold what the contract printed.\n\n"
    "versions.txt, machine.txt, doctor.txt   the toolkit and the machine\n"
    "project/                                hpdev.toml and hp.cfg.override\n"
    "clusters/NAME/cluster.json, ps.txt      what it is, what its nodes were doing\n"
    "clusters/NAME/tips.json                 last ledger and state hash of each node\n"
    "clusters/NAME/diff.txt                  the first difference between the nodes' states\n"
    "clusters/NAME/nN/                       a node's settings, its own status, the ends of its "
    "logs\n"
    "\nPrivate keys, passwords and environments are removed, states and ledgers are not in it.\n";

} // namespace

Expected<FileTree> collect_report(const Place& place, const cli::Checks& checks,
                                  const ReportWanted& wanted) {
    Collector out(wanted);
    out.add("README.txt", about_text);
    out.add("versions.txt", "hpdev " + std::string(version) + "\nprotocol " +
                                std::string(hp_version) + "\nledger " +
                                std::string(ledger_version) + "\n");
    out.add("machine.txt", machine_text());
    out.add("doctor.txt", checks_text(checks));
    out.add_file("project/hpdev.toml", place.root / project_file_name);
    out.add_settings("project/hp.cfg.override", place.root / "hp.cfg.override");
    HP_DEV_TRY(const std::vector<std::string> names, list_clusters(place));
    for (const std::string& name : names) {
        add_cluster(out, place, name);
    }
    return out.files();
}

Expected<Bytes> pack_report(const FileTree& files, const fs::path& name) {
    HP_DEV_TRY(Bytes archive, encode_archive(files));
    if (name.extension() == ".tar") {
        return archive;
    }
    constexpr int level = 9;
    Bytes out(ZSTD_compressBound(archive.size()));
    const std::size_t size =
        ZSTD_compress(out.data(), out.size(), archive.data(), archive.size(), level);
    if (ZSTD_isError(size) != 0) {
        return cli::failure(cli::ErrorId::failed, ZSTD_getErrorName(size));
    }
    out.resize(size);
    return out;
}

} // namespace hp::dev
