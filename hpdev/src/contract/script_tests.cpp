// SPDX-License-Identifier: Apache-2.0
#include "contract/script_tests.hpp"

#include "hp/base/limits.hpp"
#include "hp/base/time.hpp"
#include "hp/os/files.hpp"
#include "project/shell.hpp"

#include <nlohmann/json.hpp>

namespace hp::dev {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t cluster_file_bytes_max = 4 * limits::mib;

// The one that belongs to this program; otherwise whatever $PATH has.
std::string hpcli_program() {
    std::error_code error;
    const fs::path beside = fs::read_symlink("/proc/self/exe", error).parent_path() / "hpcli";
    return !error && fs::exists(beside, error) ? beside.string() : "hpcli";
}

} // namespace

std::vector<std::string> running_servers(const Project& project) {
    const auto text =
        os::read_file(project.work() / "current" / "cluster.json", cluster_file_bytes_max);
    if (!text) {
        return {};
    }
    const auto cluster = nlohmann::json::parse(text->begin(), text->end(), nullptr, false);
    std::vector<std::string> out;
    if (!cluster.is_object() || !cluster.contains("nodes")) {
        return out;
    }
    for (const auto& node : cluster["nodes"]) {
        if (node.is_object() && node.value("state", "") == "running") {
            out.push_back(node.value("url", ""));
        }
    }
    return out;
}

cli::Parsed<TestReport> run_script_test(const Project& project, const fs::path& script,
                                        const std::vector<std::string>& servers) {
    std::vector<std::string> command = {hpcli_program(), "run", fs::absolute(script).string()};
    for (const std::string& server : servers) {
        command.insert(command.end(), {"-s", server});
    }
    const SystemClock clock;
    const std::int64_t begun_us = clock.now().mono_us;
    const auto code = run_in(project.root, command);
    if (!code) {
        return tl::unexpected(code.error());
    }
    TestReport out;
    out.kind = "script";
    out.file = script.string();
    out.passed = *code == 0;
    out.elapsed_ms = (clock.now().mono_us - begun_us) / 1000;
    out.why = *code == 0 ? ""
                         : "  " + out.file + ": hpcli ended with " + std::to_string(*code) +
                               "; what it said is above\n";
    return out;
}

} // namespace hp::dev
