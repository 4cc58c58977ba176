// SPDX-License-Identifier: Apache-2.0
#include "contract/script_tests.hpp"

#include "clock.hpp"
#include "project/shell.hpp"

namespace hp::dev {
namespace {

namespace fs = std::filesystem;

// The one that belongs to this program; otherwise whatever $PATH has.
std::string hpcli_program() {
    std::error_code error;
    const fs::path beside = fs::read_symlink("/proc/self/exe", error).parent_path() / "hpcli";
    return !error && fs::exists(beside, error) ? beside.string() : "hpcli";
}

} // namespace

cli::Parsed<TestReport> run_script_test(const Project& project, const fs::path& script,
                                        const std::vector<std::string>& target) {
    std::vector<std::string> command = {hpcli_program(), "run", fs::absolute(script).string()};
    command.insert(command.end(), target.begin(), target.end());
    const std::int64_t begun_ms = now_mono_ms();
    const auto code = run_in(project.root, command);
    if (!code) {
        return tl::unexpected(code.error());
    }
    TestReport out;
    out.kind = "script";
    out.file = script.string();
    out.passed = *code == 0;
    out.elapsed_ms = now_mono_ms() - begun_ms;
    out.why = *code == 0 ? ""
                         : "  " + out.file + ": hpcli ended with " + std::to_string(*code) +
                               "; what it said is above\n";
    return out;
}

} // namespace hp::dev
