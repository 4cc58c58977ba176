// SPDX-License-Identifier: Apache-2.0
#include "node/commands.hpp"

#include <csignal>
#include <cstdio>
#include <iostream>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "consensus/message_codec.hpp"
#include "hp/base/limits.hpp"
#include "hp/base/version.hpp"
#include "hp/net/tls.hpp"
#include "hp/os/dir_lock.hpp"
#include "hp/os/files.hpp"
#include "hp/os/log_sinks.hpp"
#include "node/check_program.hpp"
#include "node/node.hpp"

namespace hp::node {
namespace {

using Json = nlohmann::ordered_json;

// A killed node's helpers need a moment to kill its contract and let go of the lock.
constexpr std::int64_t node_end_wait_ms = 5000;

void complain(const std::string& text) {
    std::cerr << "hpnode: error: " << text << "\n";
}

int refuse(const Error& error) {
    complain(error.context);
    return exit_refused;
}

// hp::net does not know config's callback form and the other way round.
Status make_certificate(const std::string& key_path, const std::string& cert_path,
                        const std::string& name) {
    return net::make_self_signed({cert_path, key_path}, name);
}

Result<std::shared_ptr<LogSink>> open_log(const config::ContractDir& dir,
                                          const config::NodeLog& log) {
    os::LogFileOptions file;
    file.path = dir.log() / "hp.log";
    file.bytes_per_file_max = static_cast<std::size_t>(log.max_mbytes_per_file) * limits::mib;
    file.files_max = static_cast<std::size_t>(log.max_file_count);
    return os::make_log_sink(log.console, log.file ? &file : nullptr);
}

// Thousands of users need as many descriptors; the soft limit is often 1024.
void raise_descriptor_limit() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

struct Finding {
    bool error = true;
    std::string path;
    std::string what;
};

void check_files(const config::ContractDir& dir, const config::Config& config,
                 std::vector<Finding>& out) {
    namespace fs = std::filesystem;
    std::error_code ignored;
    if (!config::config_mode_is_private(dir)) {
        out.push_back({true, "node.private_key",
                       "hp.cfg is readable by others; run: chmod 600 " + dir.config().string()});
    }
    const auto file_or = [&](const std::string& path, const fs::path& standard) {
        return path.empty() ? standard : dir.root / path;
    };
    for (const fs::path& file : {file_or(config.user.tls_cert, dir.tls_cert()),
                                 file_or(config.user.tls_key, dir.tls_key())}) {
        if (!config.user.plain_ws && access(file.c_str(), R_OK) != 0) {
            out.push_back({true, "user.tls_cert", file.string() + " cannot be read"});
        }
    }
    if (!config.contract.execute) {
        return;
    }
    const config::Patch& patch = config.contract.patch;
    const fs::path state = dir.seed() / "state";
    for (const std::string& why : check_program(state, patch.bin_path, patch.environment)) {
        out.push_back({false, "contract.bin_path",
                       (state / patch.bin_path).string() + " " + why +
                           "; ledgers will close, but no contract will run"});
    }
}

std::vector<Finding> check_directory(const config::ContractDir& dir) {
    std::vector<Finding> out;
    const auto text = os::read_file(dir.config(), limits::config_bytes_max);
    if (!text) {
        out.push_back({true, "", text.err().context});
        return out;
    }
    const config::DecodedConfig decoded = config::decode_config(*text);
    for (const config::Problem& problem : decoded.problems) {
        out.push_back({true, problem.path, problem.what});
    }
    for (const config::Problem& problem : decoded.unknown) {
        out.push_back({true, problem.path, problem.what});
    }
    if (decoded.problems.empty()) {
        check_files(dir, decoded.config, out);
    }
    return out;
}

// What each sandbox mode means on this machine, found out by doing it.
struct SandboxTrial {
    config::Sandbox sandbox;
    Result<contract::Protection> runs;
    Result<contract::Protection> reads;
};

Result<std::vector<SandboxTrial>> try_sandboxes(const config::ContractDir& dir) {
    std::vector<SandboxTrial> out;
    for (const config::Sandbox sandbox :
         {config::Sandbox::off, config::Sandbox::automatic, config::Sandbox::strict}) {
        HP_TRY(const Launchers launchers, Launchers::start({}));
        contract::Confinement runs = confine_consensus(dir, sandbox);
        runs.track = true;
        out.push_back({sandbox, launchers.consensus->confine(runs),
                       launchers.reads->confine(confine_reads(dir, sandbox))});
    }
    return out;
}

std::string describe(const Result<contract::Protection>& protection) {
    return protection ? contract::describe(*protection)
                      : "not possible: " + protection.err().context;
}

// The mode that hp.cfg asks for must be possible.
void check_sandbox(const std::vector<SandboxTrial>& trials, config::Sandbox wanted,
                   std::vector<Finding>& out) {
    for (const SandboxTrial& trial : trials) {
        if (trial.sandbox == wanted && !(trial.runs && trial.reads)) {
            out.push_back({true, "contract.sandbox", describe(trial.runs)});
        } else if (trial.sandbox == wanted && !trial.reads->keeps_writes_out()) {
            out.push_back({false, "contract.sandbox",
                           "read requests cannot be kept from writing on this machine"});
        }
    }
}

// The backend, too, in the sandbox that hp.cfg asks for.
void check_backend(const std::vector<SandboxTrial>& trials, const config::Config& config,
                   std::vector<Finding>& out) {
    for (const SandboxTrial& trial : trials) {
        if (trial.sandbox == config.contract.sandbox && trial.runs && !trial.runs->tracking &&
            config.state.backend == config::StateBackend::tracked) {
            out.push_back({true, "state.backend",
                           "tracked is not possible here: " + trial.runs->no_tracking});
        }
    }
}

Json to_json(const std::vector<SandboxTrial>& trials) {
    Json out = Json::object();
    for (const SandboxTrial& trial : trials) {
        out[config::to_string(trial.sandbox)] = {{"possible", trial.runs && trial.reads},
                                                 {"runs", describe(trial.runs)},
                                                 {"reads", describe(trial.reads)}};
    }
    return out;
}

int verify_failed(const Error& error, bool json) {
    if (json) {
        std::cout << Json{{"schema", "hp.node.ledger_verify/1"},
                          {"ok", false},
                          {"error", error.context}}
                         .dump()
                  << "\n";
    } else {
        complain(error.context);
    }
    if (error.code == Errc::not_found) {
        return exit_not_found;
    }
    return error.code == Errc::corrupt ? exit_mismatch : exit_failed;
}

} // namespace

int command_version(bool json) {
    if (json) {
        std::cout << Json{{"schema", "hp.node.version/1"},
                          {"version", version},
                          {"hp_version", hp_version},
                          {"ledger_version", ledger_version}}
                         .dump()
                  << "\n";
        return exit_ok;
    }
    // The space after the first line's version is documented; existing scripts cut it off.
    std::cout << hp_version << " \nLedger version: " << ledger_version << "\nhpnode " << version
              << "\n";
    return exit_ok;
}

int command_new(const std::string& directory) {
    const config::ContractDir dir = config::contract_dir(directory);
    if (const auto made = config::create(dir, make_certificate); !made) {
        return refuse(made.err());
    }
    std::cout << "Contract directory created at " << dir.root.string() << "\n";
    return exit_ok;
}

int command_rekey(const std::string& directory) {
    const config::ContractDir dir = config::contract_dir(directory);
    auto lock = os::DirLock::acquire(dir.lock(), node_end_wait_ms);
    if (!lock) {
        return refuse(lock.err());
    }
    if (const auto done = config::rekey(dir); !done) {
        return refuse(done.err());
    }
    std::cout << "New signing keys generated at " << dir.config().string() << "\n";
    return exit_ok;
}

int command_check(const std::string& directory, bool json) {
    const config::ContractDir dir = config::contract_dir(directory);
    std::vector<Finding> findings = check_directory(dir);
    std::vector<SandboxTrial> trials;
    if (const auto loaded = config::load(dir)) { // else that is the finding
        auto tried = try_sandboxes(dir);
        if (!tried) {
            return refuse(tried.err());
        }
        trials = std::move(*tried);
        check_sandbox(trials, loaded->config.contract.sandbox, findings);
        check_backend(trials, loaded->config, findings);
    }
    bool ok = true;
    Json list = Json::array();
    for (const Finding& finding : findings) {
        ok = ok && !finding.error;
        list.push_back({{"severity", finding.error ? "error" : "warning"},
                        {"path", finding.path},
                        {"message", finding.what}});
        if (!json) {
            std::cout << (finding.error ? "error:   " : "warning: ")
                      << (finding.path.empty() ? "" : finding.path + ": ") << finding.what << "\n";
        }
    }
    if (json) {
        std::cout << Json{{"schema", "hp.node.check/1"},
                          {"ok", ok},
                          {"findings", list},
                          {"sandbox", to_json(trials)}}
                         .dump()
                  << "\n";
        return ok ? exit_ok : exit_usage;
    }
    for (const SandboxTrial& trial : trials) {
        std::cout << "sandbox " << config::to_string(trial.sandbox)
                  << " here:\n  runs:  " << describe(trial.runs)
                  << "\n  reads: " << describe(trial.reads) << "\n";
    }
    if (ok) {
        std::cout << "ok\n";
    }
    return ok ? exit_ok : exit_usage;
}

int command_run(const std::string& directory) {
    const config::ContractDir dir = config::contract_dir(directory);
    if (!std::filesystem::exists(dir.config())) {
        complain(dir.config().string() + " does not exist; create a node with: hpnode new " +
                 directory);
        return exit_refused;
    }
    auto lock = os::DirLock::acquire(dir.lock(), node_end_wait_ms);
    if (!lock) {
        return refuse(lock.err());
    }
    auto loaded = config::load(dir);
    if (!loaded) {
        return refuse(loaded.err());
    }
    raise_descriptor_limit();
    std::signal(SIGPIPE, SIG_IGN);
    // Before any thread and while the process is small: this forks the contract helpers.
    auto launchers = Launchers::start({lock->fd().get()});
    if (!launchers) {
        return refuse(launchers.err());
    }
    // A contract of the same user must not read our keys out of our memory.
    prctl(PR_SET_DUMPABLE, 0);
    auto sink = open_log(dir, loaded->config.log);
    if (!sink) {
        return refuse(sink.err());
    }
    const Log log(*sink, loaded->config.log.level, "node");
    log.info("hpnode starting", {{"version", version},
                                 {"dir", dir.root.string()},
                                 {"key", loaded->config.node.keys.public_key.hex()},
                                 {"contract", loaded->config.contract.id}});
    for (const config::Problem& problem : loaded->unknown) {
        log.warning("unknown configuration key", {{"path", problem.path}, {"note", problem.what}});
    }
    Node node(dir, std::move(loaded->config), std::move(*launchers), log);
    if (const auto started = node.start(); !started) {
        log.error("cannot start", {{"why", started.err().context}});
        return node.refusal_code();
    }
    const int code = node.run();
    log.info("stopped", {{"exit", code}});
    return code;
}

namespace {

// Whether the stored proof is about this ledger. Whose signatures it takes is not stored with it.
Status check_ledger_proof(const proto::LedgerHeader& header, ByteView stored) {
    HP_TRY(const consensus::DecodedProof proof, consensus::decode_proof(stored));
    const bool about_it = proof.block->header.hash == header.hash &&
                          proof.commit->kind == consensus::StatementKind::commit &&
                          proof.commit->height == header.seq;
    return about_it ? Status() : fail(Errc::corrupt, "its certificate is of another ledger");
}

} // namespace

int command_ledger_verify(const std::string& directory, bool json) {
    const config::ContractDir dir = config::contract_dir(directory);
    auto store = ledger::Store::open(dir.ledger_fs(), "", {}, ledger::Store::Mode::read_only);
    if (!store) {
        return verify_failed(store.err(), json);
    }
    const bool show_progress = isatty(STDERR_FILENO) != 0;
    const auto verified = (*store)->verify(check_ledger_proof, [&](LedgerSeq seq) {
        if (show_progress && seq % 10'000 == 0) {
            std::cerr << "\rverified up to " << seq << std::flush;
        }
    });
    if (show_progress) {
        std::cerr << "\r\033[K";
    }
    if (!verified) {
        return verify_failed(verified.err(), json);
    }
    if (json) {
        std::cout << Json{{"schema", "hp.node.ledger_verify/1"},
                          {"ok", true},
                          {"first", verified->first},
                          {"last", verified->last},
                          {"count", verified->count},
                          {"with_raw", verified->raw}}
                         .dump()
                  << "\n";
    } else {
        std::cout << "verified " << verified->first << ".." << verified->last << " ("
                  << verified->count << " ledgers, " << verified->raw
                  << " with inputs and outputs)\n";
    }
    return exit_ok;
}

} // namespace hp::node
