// SPDX-License-Identifier: Apache-2.0
#include "cluster/launch.hpp"

#include "clock.hpp"
#include "cluster/bundle_files.hpp"
#include "cluster/control.hpp"
#include "cluster/node_view.hpp"
#include "cluster/supervisor.hpp"
#include "cluster/user_folder.hpp"
#include "hp/crypto/keys.hpp"
#include "hp/os/files.hpp"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <sstream>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace hp::dev {
namespace {

constexpr std::size_t socket_path_bytes_max = 107; // sockaddr_un
constexpr std::int64_t start_timeout_ms = 20'000;
constexpr std::int64_t look_again_ms = 20;
constexpr std::int64_t note_interval_ms = 2000;
constexpr std::int64_t after_kill_ms = 3000; // until the kernel has taken everything down

Expected<fs::path> control_path(const fs::path& cluster_dir) {
    const fs::path path = cluster_dir / "control.sock";
    if (path.string().size() <= socket_path_bytes_max) {
        return path;
    }
    HP_DEV_TRY(const fs::path folder, user_folder());
    return folder / (short_name(cluster_dir) + ".sock");
}

Expected<fs::path> nodes_folder(const fs::path& cluster_dir, bool in_memory) {
    if (!in_memory) {
        return cluster_dir;
    }
    HP_DEV_TRY(const fs::path folder, memory_folder());
    const fs::path out = folder / short_name(cluster_dir);
    std::error_code error;
    fs::remove_all(out, error);
    HP_DEV_TRY_STATUS(os::make_directories(out));
    return out;
}

// Everything but the lock, which is held.
Done empty_folder(const fs::path& dir) {
    std::error_code error;
    for (const auto& item : fs::directory_iterator(dir, error)) {
        if (item.path().filename() != "supervisor.lock") {
            fs::remove_all(item.path(), error);
        }
        if (error) {
            return cli::failure(cli::ErrorId::failed,
                                "cannot remove " + item.path().string() + ": " + error.message());
        }
    }
    return {};
}

// --- the supervisor's process --------------------------------------------------------------------

void redirect_output(const fs::path& cluster_dir) {
    const auto input = os::open_file("/dev/null", O_RDONLY);
    const auto output =
        os::open_file(cluster_dir / "supervisor.log", O_WRONLY | O_CREAT | O_APPEND, 0644);
    if (input && output) {
        ::dup2(input->get(), STDIN_FILENO);
        ::dup2(output->get(), STDOUT_FILENO);
        ::dup2(output->get(), STDERR_FILENO);
    }
}

// Tells the waiting command in one line, then is on its own.
[[noreturn]] void supervise(const Cluster& cluster, ClusterLock lock, PortReservations ports,
                            os::Fd report, bool with_dashboard) {
    redirect_output(cluster.dir);
    int code = 0;
    {
        Supervisor supervisor(cluster, std::move(lock), std::move(ports), with_dashboard);
        const Done started = supervisor.start();
        const Json said = started ? Json{{"ok", true}, {"cluster", to_json(supervisor.cluster())}}
                                  : Json{{"ok", false}, {"error", failure_json(started.error())}};
        (void)os::write_all(report.get(), as_bytes(dump_json(said)));
        report.reset();
        if (started) {
            supervisor.run();
        }
        code = started ? 0 : 1;
    }
    ::_exit(code); // nothing of the command that we were forked from is ours to end
}

// In the child of fork(): a process of its own, with or without a terminal's fate.
void separate(bool detached, pid_t parent) {
    if (detached) {
        ::setsid();
        if (::fork() != 0) {
            ::_exit(0);
        }
        return;
    }
    ::setpgid(0, 0); // Ctrl-C is the command's to handle
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != parent) {
        ::_exit(1);
    }
}

Expected<Cluster> read_report(const Cluster& cluster, const os::Fd& report) {
    std::string text;
    Bytes chunk(4096);
    for (;;) {
        const auto got = os::read_some(report.get(), chunk);
        if (!got || *got == 0) {
            break;
        }
        text += as_text(ByteView(chunk).first(*got));
    }
    const auto said = parse_object(text);
    if (said && said->value("ok", false)) {
        return decode_cluster(cluster.dir, dump_json((*said)["cluster"]));
    }
    return said ? tl::unexpected(failure_from_json((*said)["error"]))
                : cli::failure(cli::ErrorId::failed, "the supervisor did not start",
                               "look into " + (cluster.dir / "supervisor.log").string());
}

// --- afterwards ----------------------------------------------------------------------------------

bool wait_for_end(const ProcessMark& process, std::int64_t timeout_ms) {
    const std::int64_t deadline_ms = now_mono_ms() + timeout_ms;
    while (is_alive(process)) {
        if (now_mono_ms() >= deadline_ms) {
            return false;
        }
        // An attached supervisor is our child: nobody else sees it off.
        ::waitpid(process.pid, nullptr, WNOHANG);
        sleep_ms(look_again_ms);
    }
    ::waitpid(process.pid, nullptr, WNOHANG);
    return true;
}

} // namespace

std::vector<std::string> mounts_below(const fs::path& dir) {
    std::vector<std::string> out;
    std::ifstream mounts("/proc/self/mountinfo");
    for (std::string line; std::getline(mounts, line);) {
        std::istringstream in(line);
        std::string skipped;
        std::string at;
        in >> skipped >> skipped >> skipped >> skipped >> at;
        if (at.starts_with(dir.string() + "/")) {
            out.push_back("mount " + at);
        }
    }
    return out;
}

namespace {

// What the cluster has started: all that is below its supervisor or, without one, the nodes.
std::vector<ProcessMark> processes_of(const Cluster& cluster) {
    if (cluster.is_running()) {
        return descendants_of(cluster.supervisor.pid);
    }
    std::vector<ProcessMark> out;
    for (const ClusterNode& node : cluster.nodes) {
        out.push_back(node.process);
    }
    return out;
}

std::vector<std::string> what_is_left(const Cluster& cluster,
                                      const std::vector<ProcessMark>& started) {
    std::vector<std::string> out;
    for (const ProcessMark& process : started) {
        if (is_alive(process) && process.pid != ::getpid()) {
            out.push_back("process " + std::to_string(process.pid));
        }
    }
    for (const ClusterNode& node : cluster.nodes) {
        for (std::string& mount : mounts_below(node.dir)) {
            out.push_back(std::move(mount));
        }
    }
    return out;
}

cli::Failure died(const ClusterNode& node) {
    cli::Failure out{cli::ErrorId::node_ended,
                     node.name() + " ended: " + (node.end ? node.end->what : std::string()),
                     "hpdev logs " + std::to_string(node.number)};
    for (const std::string& line : node.end ? node.end->log : std::vector<std::string>()) {
        out.detail.emplace_back("log", line);
    }
    return out;
}

} // namespace

Expected<Cluster> make_cluster(const Place& place, const std::string& name,
                               const NewCluster& wanted, PortReservations& ports) {
    Cluster out;
    out.name = name;
    out.dir = place.cluster(name);
    out.project = place.root;
    out.program = wanted.program;
    out.contract_id = crypto::random_uuid();
    HP_DEV_TRY_STATUS(check_bundle(wanted.bundle)); // before anything is lost
    HP_DEV_TRY_STATUS(empty_folder(out.dir));
    HP_DEV_TRY(out.control, control_path(out.dir));
    HP_DEV_TRY(const fs::path nodes, nodes_folder(out.dir, wanted.in_memory));
    out.bundle = out.dir / "bundles" / "1";
    HP_DEV_TRY_STATUS(copy_bundle(wanted.bundle, out.bundle));
    Genesis genesis = wanted.genesis;
    HP_DEV_TRY(genesis.override, read_override(out.bundle));
    std::uint16_t user_port = wanted.user_port;
    std::uint16_t peer_port = wanted.peer_port;
    for (unsigned i = 0; i < wanted.validators + wanted.observers; ++i) {
        ClusterNode node;
        node.number = out.next_number++;
        node.dir = nodes / ("node" + std::to_string(node.number));
        node.observer = i >= wanted.validators;
        node.host = wanted.genesis.address == "0.0.0.0" ? node.host : wanted.genesis.address;
        HP_DEV_TRY(node.user_port, ports.next(user_port));
        HP_DEV_TRY(node.peer_port, ports.next(peer_port));
        user_port = static_cast<std::uint16_t>(node.user_port + 1);
        peer_port = static_cast<std::uint16_t>(node.peer_port + 1);
        HP_DEV_TRY_STATUS(make_node(node));
        out.nodes.push_back(std::move(node));
    }
    HP_DEV_TRY_STATUS(found_cluster(out, genesis));
    HP_DEV_TRY_STATUS(save_cluster(out));
    return out;
}

Done renew_ports(Cluster& cluster, PortReservations& ports, const Notify& notify) {
    std::vector<std::pair<ClusterNode*, bool>> busy;
    std::uint16_t highest_user = 0;
    std::uint16_t highest_peer = 0;
    for (ClusterNode& node : cluster.nodes) {
        highest_user = std::max(highest_user, node.user_port);
        highest_peer = std::max(highest_peer, node.peer_port);
        if (!ports.take(node.user_port)) {
            busy.emplace_back(&node, true);
        }
        if (!ports.take(node.peer_port)) {
            busy.emplace_back(&node, false);
        }
    }
    for (const auto& [node, user] : busy) {
        std::uint16_t& port = user ? node->user_port : node->peer_port;
        const std::uint16_t old = port;
        const std::uint16_t highest = user ? highest_user : highest_peer;
        HP_DEV_TRY(port, ports.next(static_cast<std::uint16_t>(highest + 1)));
        notify("port " + std::to_string(old) + " is in use: " + node->name() + " gets " +
               std::to_string(port));
    }
    return write_addresses(cluster);
}

Expected<Cluster> run_cluster(const Cluster& cluster, ClusterLock lock, PortReservations ports,
                              const Launch& how) {
    HP_DEV_TRY(os::FdPair pipe, os::pipe_pair());
    const pid_t self = ::getpid();
    const pid_t child = ::fork();
    if (child < 0) {
        return cli::failure(cli::ErrorId::failed, errno_error("cannot fork", errno).context);
    }
    if (child == 0) {
        pipe.ours.reset();
        separate(how.detached, self);
        supervise(cluster, std::move(lock), std::move(ports), std::move(pipe.theirs),
                  how.with_dashboard);
    }
    pipe.theirs.reset();
    if (how.detached) {
        ::waitpid(child, nullptr, 0); // the first of the two
    }
    return read_report(cluster, pipe.ours);
}

Done wait_until_ready(const Cluster& cluster, Ready ready, std::int64_t timeout_ms,
                      const Notify& notify, const std::function<bool()>& is_interrupted) {
    const std::int64_t deadline_ms = now_mono_ms() + timeout_ms;
    std::int64_t next_note_ms = now_mono_ms() + note_interval_ms;
    std::string missing;
    do {
        if (is_interrupted && is_interrupted()) {
            return tl::unexpected(cli::silent(cli::exit_interrupted));
        }
        HP_DEV_TRY(const Cluster now, load_cluster(cluster.dir));
        for (const ClusterNode& node : now.nodes) {
            if (node.state == NodeState::failed) {
                return tl::unexpected(died(node));
            }
        }
        missing.clear();
        for (const NodeView& view : view_nodes(now)) {
            const bool good = ready == Ready::started
                                  ? view.answers
                                  : view.synced && view.ledger > 0 && !view.running_contract;
            if (!good && view.node.state == NodeState::running) {
                missing += (missing.empty() ? "" : ", ") + view.node.name() +
                           (view.why_not.empty() ? "" : " (" + view.why_not + ")");
            }
        }
        if (missing.empty()) {
            return {};
        }
        if (now_mono_ms() >= next_note_ms) {
            notify("waiting for " + missing);
            next_note_ms = now_mono_ms() + note_interval_ms;
        }
        sleep_ms(look_again_ms);
    } while (now_mono_ms() < deadline_ms);
    return cli::failure(cli::ErrorId::not_synced,
                        "not " + std::string(ready == Ready::synced ? "synced" : "started") +
                            " after " + std::to_string(timeout_ms) + " ms: " + missing,
                        "hpdev ps, hpdev logs; the cluster is still running");
}

Expected<Ended> end_cluster(const Cluster& cluster, std::int64_t timeout_ms) {
    Ended out;
    const std::vector<ProcessMark> started = processes_of(cluster);
    if (cluster.is_running()) {
        out.was_running = true;
        const auto answer = control(cluster, {{"verb", "down"}, {"timeout_ms", timeout_ms}},
                                    timeout_ms + start_timeout_ms);
        if (!answer || !wait_for_end(cluster.supervisor, after_kill_ms)) {
            signal_process(cluster.supervisor, SIGKILL); // its nodes end with it
            wait_for_end(cluster.supervisor, after_kill_ms);
        }
    }
    const std::int64_t deadline_ms = now_mono_ms() + after_kill_ms;
    do {
        out.left = what_is_left(cluster, started);
    } while (!out.left.empty() && now_mono_ms() < deadline_ms && (sleep_ms(look_again_ms), true));
    return out;
}

Done remove_cluster(const Cluster& cluster) {
    std::error_code error;
    for (const ClusterNode& node : cluster.nodes) {
        const fs::path folder = node.dir.parent_path();
        if (folder != cluster.dir && folder.filename() == short_name(cluster.dir)) {
            fs::remove_all(folder, error);
        }
    }
    fs::remove_all(cluster.dir, error);
    if (error) {
        return cli::failure(cli::ErrorId::failed,
                            "cannot remove " + cluster.dir.string() + ": " + error.message());
    }
    const fs::path current = cluster.dir.parent_path().parent_path() / "current";
    if (!fs::exists(current, error)) {
        fs::remove(current, error); // led to it
    }
    return {};
}

Expected<fs::path> find_program(const std::string& name, const std::optional<std::string>& given) {
    std::vector<fs::path> tries;
    std::error_code error;
    const char* named = std::getenv("HP_HPNODE");
    if (given) {
        tries = {fs::absolute(*given, error)};
    } else if (name == "hpnode" && named != nullptr && *named != '\0') {
        tries = {fs::absolute(named, error)};
    } else {
        tries.push_back(fs::read_symlink("/proc/self/exe", error).parent_path() / name);
        const char* path = std::getenv("PATH");
        std::istringstream folders(path == nullptr ? "" : path);
        for (std::string folder; std::getline(folders, folder, ':');) {
            tries.push_back(fs::path(folder) / name);
        }
    }
    for (const fs::path& path : tries) {
        if (path.is_absolute() && fs::is_regular_file(path, error) &&
            ::access(path.c_str(), X_OK) == 0) {
            return path;
        }
    }
    return cli::failure(cli::ErrorId::tool_missing,
                        given ? *given + " is no program that can be run"
                              : "there is no " + name + " beside hpdev or in PATH",
                        "build it, or name it with --bin");
}

} // namespace hp::dev
