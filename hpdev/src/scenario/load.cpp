// SPDX-License-Identifier: Apache-2.0
#include "scenario/load.hpp"

#include "child_start.hpp"
#include "clock.hpp"
#include "cluster/launch.hpp"
#include "cluster/run_program.hpp"
#include "hp/base/limits.hpp"
#include "hp/os/files.hpp"

#include <csignal>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace hp::dev {
namespace {

constexpr std::int64_t second_ms = 1000;
constexpr std::int64_t finish_timeout_ms = 90'000;
constexpr std::int64_t load_again_ms = 20;
constexpr std::size_t said_bytes_max = 500;
constexpr std::size_t output_bytes_max = limits::mib;

std::vector<std::string> words_for(const ScenarioLoad& load, const fs::path& root,
                                   const std::vector<std::string>& target) {
    std::vector<std::string> out;
    if (!load.script.empty()) {
        out = {"run", (root / load.script).string(), "--timeout", "60s"};
    } else { // short pieces, so that one ends soon when no more is wanted
        out = {"bench",
               load.input,
               "--text",
               "--rate",
               std::to_string(load.rate),
               "--json",
               "--quiet",
               "--users",
               std::to_string(load.users),
               "--duration",
               "1s",
               "--timeout",
               "60s",
               "--wait",
               "ledger"};
    }
    out.insert(out.end(), target.begin(), target.end());
    return out;
}

// In the child, between fork and exec: nothing that allocates or locks.
[[noreturn]] void become_hpcli(const char* program, const char* folder, char* const* argv,
                               int output, pid_t parent) {
    begin_child(parent, SIGKILL);
    if (::chdir(folder) == 0 && ::dup2(output, STDOUT_FILENO) >= 0 &&
        ::dup2(output, STDERR_FILENO) >= 0) {
        ::execv(program, argv);
    }
    ::_exit(127);
}

// Its end, in one line.
std::string said_by(const std::string& text) {
    std::string out = text;
    while (!out.empty() && out.back() == '\n') {
        out.pop_back();
    }
    out = out.size() > said_bytes_max ? out.substr(out.size() - said_bytes_max) : out;
    for (std::size_t at = 0; (at = out.find('\n', at)) != std::string::npos;) {
        out.replace(at, 1, "; ");
    }
    return out;
}

} // namespace

std::vector<std::string> hpcli_target(const Cluster& cluster) {
    std::string share = std::to_string(cluster.threshold / 100.0);
    return {"--cluster", cluster.name, "--quorum", std::move(share)};
}

Expected<std::optional<std::string>> run_hpcli_script(const fs::path& script, const fs::path& root,
                                                      const std::vector<std::string>& target) {
    HP_DEV_TRY(const fs::path program, find_program("hpcli", std::nullopt));
    ScenarioLoad load;
    load.script = fs::absolute(root / script).string();
    std::vector<std::string> words = words_for(load, root, target);
    words.insert(words.end(), {"-C", root.string()});
    HP_DEV_TRY(const ProgramResult done, run_program(program, words, output_bytes_max));
    return done.exit_code == 0 ? std::optional<std::string>()
                               : std::optional(said_by(done.output + done.errors));
}

ScenarioLoader::ScenarioLoader(const ScenarioLoad& load, const fs::path& root,
                               const fs::path& folder, std::vector<std::string> target)
    : load_(load), root_(root), folder_(folder), target_(std::move(target)) {}

ScenarioLoader::~ScenarioLoader() {
    if (child_ > 0) {
        ::kill(child_, SIGKILL);
        ::waitpid(child_, nullptr, 0);
    }
}

Done ScenarioLoader::start() {
    HP_DEV_TRY(const fs::path program, find_program("hpcli", std::nullopt));
    HP_DEV_TRY(const os::Fd output,
               os::open_file(folder_ / "load.out", O_WRONLY | O_CREAT | O_TRUNC, 0644));
    std::vector<std::string> words = words_for(load_, root_, target_);
    words.insert(words.begin(), "hpcli");
    std::vector<char*> argv;
    for (std::string& word : words) {
        argv.push_back(word.data());
    }
    argv.push_back(nullptr);
    const std::string path = program.string();
    const std::string folder = root_.string();
    const pid_t self = ::getpid();
    const pid_t child = ::fork();
    if (child == 0) {
        become_hpcli(path.c_str(), folder.c_str(), argv.data(), output.get(), self);
    }
    if (child < 0) {
        return cli::failure(cli::ErrorId::failed, errno_error("cannot fork", errno).context);
    }
    child_ = child;
    next_ms_ = now_mono_ms() + (load_.script.empty() ? 0 : second_ms / load_.rate);
    return {};
}

void ScenarioLoader::collect(int status) {
    child_ = 0;
    ++count_.runs;
    const auto text = os::read_file(folder_ / "load.out", output_bytes_max);
    const std::string said = text ? std::string(as_text(*text)) : std::string();
    const auto json = load_.input.empty() ? std::nullopt : parse_object(said);
    const bool good = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (!good || (!load_.input.empty() && !json)) {
        ++count_.failed;
        count_.first_failure = count_.first_failure.empty() ? said_by(said) : count_.first_failure;
        return;
    }
    if (!json) {
        return;
    }
    count_.inputs += json->value("requests", std::uint64_t{0});
    count_.accepted += json->value("answered", std::uint64_t{0});
    count_.unknown += json->value("unanswered", std::uint64_t{0});
    const Json refused = json->value("rejected", Json::object());
    for (const auto& [reason, number] : refused.items()) {
        count_.rejected += number.is_number_unsigned() ? number.get<std::uint64_t>() : 0;
    }
}

Done ScenarioLoader::tick() {
    if (load_.empty()) {
        return {};
    }
    int status = 0;
    if (child_ > 0 && ::waitpid(child_, &status, WNOHANG) == child_) {
        collect(status);
    }
    return child_ == 0 && now_mono_ms() >= next_ms_ ? start() : Done();
}

Done ScenarioLoader::finish() {
    const std::int64_t deadline_ms = now_mono_ms() + finish_timeout_ms;
    int status = 0;
    while (child_ > 0) {
        if (::waitpid(child_, &status, WNOHANG) == child_) {
            collect(status);
        } else if (now_mono_ms() >= deadline_ms) {
            return cli::failure(cli::ErrorId::timed_out, "the users' hpcli does not end");
        }
        sleep_ms(load_again_ms);
    }
    return {};
}

} // namespace hp::dev
