// SPDX-License-Identifier: Apache-2.0
//
// TestNode: ledgers one after the other, on files that stay.
//
// Threads: see testing.hpp.
#include "process.hpp"

#include <hp/contract/config.hpp>
#include <hp/contract/files.hpp>
#include <hp/contract/post_exec.hpp>
#include <hp/contract/testing.hpp>

#include <algorithm>
#include <filesystem>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace hp::contract::testing {
namespace {

constexpr std::uint64_t genesis_time_ms = 1'700'000'000'000;
constexpr std::uint64_t first_node_key = 0x1000;

/// Every regular file of state and private directory, with its content.
std::vector<std::pair<std::string, std::string>> snapshot(const StateDir& dir) {
    std::vector<std::pair<std::string, std::string>> out;
    const std::string root = dir.path() + "/..";
    const auto entries = walk_directory(root);
    for (const FileEntry& entry : entries ? *entries : std::vector<FileEntry>())
        out.emplace_back(entry.path, entry.kind == FileKind::file
                                         ? read_file(root + "/" + entry.path).value_or("")
                                         : "");
    return out;
}

Config make_config(const TestNode::Options& options) {
    Config config;
    config.bin_path = "contract";
    config.consensus.roundtime_ms = options.roundtime_ms;
    for (unsigned i = 1; i <= options.unl_size; ++i)
        config.unl.push_back(PublicKey::from_hex(TestNode::node_key(i)).value_or(PublicKey()));
    return config;
}

int run_script(const std::string& directory, const std::string& argument,
               std::vector<std::string> environment, const RunSpec& spec) {
    const detail::Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC), "/dev/null");
    const detail::ProcessSpec start{"./" + std::string(post_exec_name),
                                    {argument},
                                    std::move(environment),
                                    directory,
                                    spec.umask,
                                    null.get(),
                                    STDOUT_FILENO,
                                    STDERR_FILENO,
                                    {}};
    detail::Process process(start);
    process.wait(spec.timeout_ms);
    process.kill();
    const int status = process.collect();
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

} // namespace

std::string TestNode::node_key(unsigned number) {
    return make_key(first_node_key + number);
}

TestNode::TestNode(Handler handler) : TestNode(std::move(handler), Options()) {}

TestNode::TestNode(Handler handler, const Options& options)
    : handler_(std::move(handler)), options_(options), config_(make_config(options)) {
    spec.node_key = node_key(options.number);
    spec.node_private_key = "ed" + std::string(128 - 4, '5') + make_key(options.number).substr(62);
    state_.write("../patch.cfg", encode_config(config_));
}

TestNode::TestNode(const std::string& program) : TestNode(program, Options()) {}

TestNode::TestNode(const std::string& program, const Options& options)
    : TestNode(Handler(), options) {
    spec.program = std::filesystem::absolute(program).string();
}

RunSpec TestNode::make_spec(const Inputs& inputs) const {
    RunSpec out = spec;
    out.directory = state_.path();
    for (const auto& [name, texts] : inputs)
        out.users.push_back({make_key(name), texts});
    std::sort(out.users.begin(), out.users.end(),
              [](const TestUser& a, const TestUser& b) { return a.key_hex < b.key_hex; });
    out.lcl_seq_no = lcl_seq_no_;
    out.lcl_hash = make_hash(lcl_seq_no_);
    out.timestamp_ms = genesis_time_ms + lcl_seq_no_ * options_.roundtime_ms;
    for (const EnvironmentVariable& variable : config_.environment)
        out.environment.push_back(variable.name + "=" + variable.value);
    if (out.unl.empty())
        out.unl = make_unl(out.timestamp_ms);
    return out;
}

/// As every node sees it for itself. Members that were not there at the start were never heard.
std::vector<TestUnlNode> TestNode::make_unl(std::uint64_t now_ms) const {
    std::vector<TestUnlNode> out;
    for (const PublicKey& key : config_.unl)
        out.push_back({std::string(key.hex()), 0});
    std::sort(out.begin(), out.end(),
              [](const TestUnlNode& a, const TestUnlNode& b) { return a.key_hex < b.key_hex; });
    for (unsigned i = 1; i <= options_.unl_size; ++i)
        for (TestUnlNode& node : out)
            if (node.key_hex == node_key(i))
                node.active_on_ms = now_ms + 37 * i + 411 * options_.number;
    return out;
}

void TestNode::adopt_config() {
    Result<Config> changed = decode_config(state_.read("../patch.cfg").value_or(""));
    if (changed && verify_config(*changed))
        config_ = std::move(*changed);
}

RoundOutcome TestNode::run(RunSpec run_spec) {
    RoundOutcome outcome;
    static_cast<RunOutcome&>(outcome) =
        handler_ ? run_handler(handler_, run_spec) : run_process(run_spec);
    return outcome;
}

RoundOutcome TestNode::round(const Inputs& inputs) {
    ++lcl_seq_no_;
    adopt_config();
    RoundOutcome outcome = run(make_spec(inputs));
    const bool success = outcome.signal == 0 && !outcome.timed_out;
    if (success && std::filesystem::is_regular_file(std::filesystem::symlink_status(
                       state_.path() + "/" + std::string(post_exec_name))))
        run_post_exec(outcome);
    return outcome;
}

RoundOutcome TestNode::read(const std::string& user, const std::string& request) {
    RunSpec run_spec = make_spec({{user, {request}}});
    run_spec.readonly = true;
    const auto before = snapshot(state_);
    RoundOutcome outcome = run(std::move(run_spec));
    outcome.changed_files_in_read = snapshot(state_) != before;
    return outcome;
}

void TestNode::run_post_exec(RoundOutcome& outcome) const {
    const std::string seq_no = std::to_string(lcl_seq_no_);
    const std::string hash = make_hash(lcl_seq_no_);
    const int code = run_script(state_.path(), seq_no + " " + hash,
                                {"HP_LCL_SEQ_NO=" + seq_no, "HP_LCL_HASH=" + hash}, spec);
    outcome.post_exec_exit_code = code;
    if (code == 0)
        ::unlink((state_.path() + "/" + std::string(post_exec_name)).c_str());
    else if (code < 3 || code > 125)
        outcome.outputs.clear();
}

} // namespace hp::contract::testing
