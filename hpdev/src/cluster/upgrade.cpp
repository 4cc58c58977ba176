// SPDX-License-Identifier: Apache-2.0
#include "cluster/upgrade.hpp"

#include "clock.hpp"
#include "cluster/control.hpp"
#include "cluster/launch.hpp"
#include "cluster/node_folder.hpp"
#include "cluster/node_view.hpp"
#include "cluster/run_program.hpp"
#include "hp/base/limits.hpp"
#include "hp/os/files.hpp"
#include "project/archive.hpp"

#include <algorithm>

namespace hp::dev {
namespace {

constexpr std::size_t answer_bytes_max = limits::mib;
constexpr std::size_t container_bytes = limits::kib; // of an input: key, signature, nonce
constexpr std::int64_t read_timeout_ms = 5000;       // contracts need not answer
constexpr std::int64_t look_again_ms = 50;

Expected<Json> ask_hpcli(const Cluster& cluster, std::vector<std::string> words,
                         const std::string& key, std::int64_t timeout_ms) {
    HP_DEV_TRY(const fs::path hpcli, find_program("hpcli", std::nullopt));
    words.insert(words.end(),
                 {"--json", "--quiet", "--cluster", cluster.name, "-C", cluster.project.string(),
                  "--timeout", std::to_string(std::max<std::int64_t>(timeout_ms, 1)) + "ms"});
    if (!key.empty()) {
        words.insert(words.end(), {"-k", key});
    }
    HP_DEV_TRY(const ProgramResult done, run_program(hpcli, words, answer_bytes_max));
    const auto answer = parse_object(done.output);
    if (!answer) {
        return cli::failure(cli::ErrorId::failed, "hpcli ended with exit code " +
                                                      std::to_string(done.exit_code) +
                                                      " and no answer");
    }
    return answer->value("ok", false)
               ? Expected<Json>(*answer)
               : tl::unexpected(failure_from_json(answer->value("error", Json())));
}

// Empty unless the member is a text.
std::string text_in(const Json& object, const char* name) {
    const Json value = object.is_object() ? object.value(name, Json()) : Json();
    return value.is_string() ? value.get<std::string>() : std::string();
}

// What the contract says about itself: {"version":..,"owners":..,"waiting":..,"last":..}.
Expected<Json> ask_upgrader(const Cluster& cluster) {
    const auto answer = ask_hpcli(cluster, {"read", "status"}, "ephemeral", read_timeout_ms);
    if (!answer && answer.error().id != cli::ErrorId::timed_out) {
        return tl::unexpected(answer.error());
    }
    const Json data = answer ? answer->value("data", Json()) : Json();
    if (!data.is_object() || !data.contains("owners") || !data["owners"].is_number_unsigned() ||
        !data.contains("waiting") || text_in(data, "version").empty()) {
        return cli::failure(cli::ErrorId::usage,
                            "the contract does not answer \"status\" as an upgrader does, so it "
                            "takes no upgrades as inputs",
                            "hpdev deploy puts the bundle in place; hpdev new NAME -t upgrader "
                            "makes a contract that upgrades itself");
    }
    return data;
}

// "1.0" -> "1.1", "7" -> "8"; empty when it does not end with a number.
std::string version_after(const std::string& version) {
    std::size_t begin = version.size();
    while (begin > 0 && version[begin - 1] >= '0' && version[begin - 1] <= '9') {
        --begin;
    }
    const std::string digits = version.substr(begin);
    return digits.empty() || digits.size() > 9
               ? std::string()
               : version.substr(0, begin) + std::to_string(std::stoul(digits) + 1);
}

Expected<std::string> choose_version(const std::string& old, const std::string& wanted) {
    const std::string out = wanted.empty() ? version_after(old) : wanted;
    const bool is_clean = std::ranges::all_of(out, [](char c) { return c > ' ' && c < 127; });
    if (out.empty() || out.size() > 64 || !is_clean || out == old) {
        return cli::failure(cli::ErrorId::usage,
                            out.empty() ? "no version follows \"" + old + "\" by itself"
                                        : "\"" + out + "\" cannot follow version \"" + old + "\"",
                            "--new-version 2.0");
    }
    return out;
}

std::uint64_t limit_in(const Json& config, const char* key) {
    const Json* found = find_key(config, key);
    return found != nullptr && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

// The template takes an upgrade as one input, and that is one message to a node.
Done check_size(const Cluster& cluster, std::size_t bytes) {
    for (const ClusterNode& node : cluster.nodes) {
        HP_DEV_TRY(const Json config, read_config(node.dir));
        const std::uint64_t given = limit_in(config, "user.max_bytes_per_msg");
        const std::uint64_t message = given == 0 ? limits::user_message_bytes_default : given;
        const std::uint64_t inputs = limit_in(config, "contract.round_limits.user_input_bytes");
        const bool fits_message = bytes + container_bytes <= message;
        if (fits_message && (inputs == 0 || bytes <= inputs)) {
            continue;
        }
        const std::string name =
            fits_message ? "contract.round_limits.user_input_bytes" : "user.max_bytes_per_msg";
        return cli::failure(
            cli::ErrorId::bad_bundle,
            "the bundle has " + std::to_string(bytes) + " bytes, and " + node.name() +
                " takes inputs of up to " +
                std::to_string(fits_message ? inputs : message - container_bytes),
            (fits_message ? "raise " + name + " in hp.cfg.override for a new cluster"
                          : "hpdev node cfg all " + name + "=BYTES, hpdev node restart all") +
                "; hpdev build --release makes programs smaller");
    }
    return {};
}

Expected<Bytes> make_upgrade_input(const fs::path& copy, const std::string& version) {
    FileTree files; // without hp.cfg.override and disparate/: they are for the start of a node
    HP_DEV_TRY_STATUS(add_to_tree(files, state_files(copy), ""));
    HP_DEV_TRY(const Bytes archive, encode_archive(files));
    Bytes out = to_bytes("upgrade " + version + "\n");
    out.insert(out.end(), archive.begin(), archive.end());
    return out;
}

struct UpgraderAnswer {
    Json data;
    LedgerSeq ledger = 0; // of the input
};

Expected<UpgraderAnswer> tell_upgrader(const Cluster& cluster, const std::string& payload,
                                       const std::string& key, std::int64_t timeout_ms) {
    HP_DEV_TRY(const Json answer, ask_hpcli(cluster, {"send", payload}, key, timeout_ms));
    UpgraderAnswer out;
    const Json outputs = answer.value("outputs", Json::array());
    out.data = outputs.empty() ? Json() : outputs[0].value("data", Json());
    out.ledger = answer.value("ledger", Json::object()).value("seq", LedgerSeq{0});
    const std::string refusal = text_in(out.data, "error");
    if (!refusal.empty() || !out.data.is_object()) {
        return cli::failure(cli::ErrorId::rejected,
                            "the contract refuses: " + (refusal.empty() ? "no answer" : refusal),
                            "--key NAME signs as an owner; hpcli send join -k NAME makes one");
    }
    return out;
}

// From the upload to the last approval that it takes; gives back the ledger of that one.
Expected<LedgerSeq> propose(const Cluster& cluster, const Json& status, const fs::path& input,
                            const UpgradeWish& wish) {
    const std::string first = wish.keys.empty() ? std::string() : wish.keys.front();
    if (status["owners"] == 0) { // whoever comes first
        HP_DEV_TRY_STATUS(tell_upgrader(cluster, "join", first, wish.timeout_ms));
    }
    HP_DEV_TRY(UpgraderAnswer answer,
               tell_upgrader(cluster, "@" + input.string(), first, wish.timeout_ms));
    for (std::size_t i = 1; i < wish.keys.size() && !answer.data.contains("upgrading"); ++i) {
        HP_DEV_TRY(answer, tell_upgrader(cluster, "approve", wish.keys[i], wish.timeout_ms));
    }
    if (!answer.data.contains("upgrading")) {
        return cli::failure(
            cli::ErrorId::expectation,
            "the upgrade waits for approval: " + dump_json(answer.data.value("approvals", Json())) +
                " of " + dump_json(answer.data.value("owners", Json())) +
                " owners have given it, and it takes more than half",
            "--key NAME once for each owner, or hpcli send approve -k NAME");
    }
    return answer.ledger;
}

Expected<bool> all_say(const Cluster& cluster, const std::string& version) {
    HP_DEV_TRY(const Cluster now, load_cluster(cluster.dir));
    for (const ClusterNode& node : now.nodes) {
        if (node.state != NodeState::running) {
            continue;
        }
        const auto status = ask_node(node);
        if (!status || text_in(status->value("contract", Json()), "version") != version) {
            return false;
        }
    }
    return true;
}

// patch.cfg has it once the nodes have agreed on the first run's outcome.
Done wait_for_version(const Cluster& cluster, const std::string& version, std::int64_t timeout_ms) {
    const std::int64_t deadline_ms = now_mono_ms() + timeout_ms;
    do {
        HP_DEV_TRY(const bool done, all_say(cluster, version));
        if (done) {
            return {};
        }
        sleep_ms(look_again_ms);
    } while (now_mono_ms() < deadline_ms);
    return cli::failure(cli::ErrorId::timed_out,
                        "upgraded, but not every node said version " + version + " in " +
                            std::to_string(timeout_ms) + " ms",
                        "hpdev ps says why");
}

// Later deployments compare with what runs now; settings were no part of it.
Done keep_settings(const Cluster& cluster, const fs::path& copy) {
    std::error_code error;
    fs::copy_file(cluster.bundle / bundle_override_name, copy / bundle_override_name,
                  fs::copy_options::overwrite_existing, error);
    return error ? cli::failure(cli::ErrorId::failed,
                                "cannot keep hp.cfg.override: " + error.message())
                 : Done();
}

} // namespace

Expected<Upgraded> upgrade_through_consensus(const Cluster& cluster, const DeployPlan& plan,
                                             const UpgradeWish& wish) {
    HP_DEV_TRY(const Json status, ask_upgrader(cluster));
    Upgraded out;
    out.old_version = text_in(status, "version");
    HP_DEV_TRY(out.new_version, choose_version(out.old_version, wish.version));
    HP_DEV_TRY(const Bytes input, make_upgrade_input(plan.copy, out.new_version));
    HP_DEV_TRY_STATUS(check_size(cluster, input.size()));
    for (const NodeView& view : view_nodes(cluster)) {
        out.deployed.old_hash = view.state_hash.empty() ? out.deployed.old_hash : view.state_hash;
    }
    const fs::path file = plan.copy / "upgrade.input";
    HP_DEV_TRY_STATUS(os::replace_file(file, input, 0600));
    const auto proposed = propose(cluster, status, file, wish);
    std::error_code ignored;
    fs::remove(file, ignored);
    if (!proposed) {
        return tl::unexpected(proposed.error());
    }
    out.deployed.ledger = *proposed + 1; // the program was replaced after the run for that one
    out.deployed.in_force = out.deployed.ledger;
    HP_DEV_TRY(out.deployed, wait_for_deploy(cluster, out.deployed, wish.timeout_ms));
    HP_DEV_TRY(const Json now, ask_upgrader(cluster));
    if (text_in(now.value("last", Json()), "upgraded") != out.new_version) {
        const std::string why = text_in(now.value("last", Json()), "error");
        return cli::failure(cli::ErrorId::contract_failed,
                            "the contract took version " + out.new_version +
                                " back: " + (why.empty() ? "it does not say why" : why),
                            "version " + out.old_version + " goes on; hpdev logs --contract");
    }
    HP_DEV_TRY_STATUS(wait_for_version(cluster, out.new_version, wish.timeout_ms));
    for (const NodeView& view : view_nodes(cluster)) {
        out.deployed.new_hash = view.state_hash.empty() ? out.deployed.new_hash : view.state_hash;
    }
    HP_DEV_TRY_STATUS(keep_settings(cluster, plan.copy));
    return out;
}

} // namespace hp::dev
