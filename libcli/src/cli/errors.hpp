// SPDX-License-Identifier: Apache-2.0
// The one table of error codes and what they mean for scripts. A code never changes its meaning;
// its thousands are the exit code. Failure is an error on its way to the user: what happened,
// what to do about it, and the facts a script may want. Values; any thread.
#pragma once

#include "cli/json_writer.hpp"
#include "hp/base/result.hpp"

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hp::cli {

enum class ErrorId : unsigned char {
    failed,
    query_failed,
    node_ended,
    build_failed,
    usage,
    no_server,
    bad_payload,
    bad_file,
    cannot_connect,
    connection_lost,
    handshake,
    wrong_version,
    wrong_contract,
    untrusted_server,
    refused,
    unl_changed,
    dev_key_refused,
    rejected,
    timed_out,
    no_output,
    fate_unknown,
    outputs_missed,
    busy,
    reads_off,
    not_synced,
    no_quorum,
    cluster_down,
    quorum_guard,
    unproven_output,
    wrong_ledger,
    nodes_differ,
    broken_chain,
    states_differ,
    not_deterministic,
    bad_bundle,
    key_not_found,
    ledger_not_found,
    file_not_found,
    not_known,
    input_not_found,
    no_project,
    no_cluster,
    no_node,
    no_template,
    no_state_file,
    key_exists,
    name_taken,
    port_taken,
    cluster_exists,
    contract_failed,
    contract_too_slow,
    expectation,
    test_failed,
    prediction_wrong,
    key_file,
    cannot_write,
    passphrase,
    doctor_found,
    tool_missing,
    not_a_dev_node,
    agent,
};

struct ErrorInfo {
    ErrorId id;
    std::string_view code;
    int exit;
    std::string_view meaning;
};

inline constexpr std::array error_table = {
    ErrorInfo{ErrorId::failed, "HPE-1001", 1, "failed for no more specific reason"},
    ErrorInfo{ErrorId::query_failed, "HPE-1002", 1, "the node could not answer a ledger query"},
    ErrorInfo{ErrorId::node_ended, "HPE-1003", 1, "a node ended unexpectedly"},
    ErrorInfo{ErrorId::build_failed, "HPE-1004", 1, "the contract could not be built"},
    ErrorInfo{ErrorId::usage, "HPE-2001", 2, "bad option, argument or value"},
    ErrorInfo{ErrorId::no_server, "HPE-2002", 2, "no server given"},
    ErrorInfo{ErrorId::bad_payload, "HPE-2003", 2, "the payload cannot be built"},
    ErrorInfo{ErrorId::bad_file, "HPE-2004", 2, "a file of ours that cannot be understood"},
    ErrorInfo{ErrorId::cannot_connect, "HPE-3001", 3, "no connection to the server"},
    ErrorInfo{ErrorId::connection_lost, "HPE-3002", 3, "the connection ended before the answer"},
    ErrorInfo{ErrorId::handshake, "HPE-4001", 4, "the server failed the handshake"},
    ErrorInfo{ErrorId::wrong_version, "HPE-4002", 4, "the server speaks another protocol version"},
    ErrorInfo{ErrorId::wrong_contract, "HPE-4003", 4, "not the expected contract id or version"},
    ErrorInfo{ErrorId::untrusted_server, "HPE-4004", 4, "the server's key is not a trusted one"},
    ErrorInfo{ErrorId::refused, "HPE-4005", 4, "the server refused the session"},
    ErrorInfo{ErrorId::unl_changed, "HPE-4006", 4,
              "the validators have changed without the word of a quorum"},
    ErrorInfo{ErrorId::dev_key_refused, "HPE-4007", 4,
              "a development key, which everybody has, on a server that is not on this machine"},
    ErrorInfo{ErrorId::rejected, "HPE-5001", 5, "the cluster rejected the input"},
    ErrorInfo{ErrorId::timed_out, "HPE-6001", 6, "no answer in the time allowed"},
    ErrorInfo{ErrorId::no_output, "HPE-6002", 6,
              "the contract gave no output, but it was required"},
    ErrorInfo{ErrorId::fate_unknown, "HPE-6003", 6, "the input expired without any word about it"},
    ErrorInfo{ErrorId::outputs_missed, "HPE-6004", 6, "accepted, but outputs may have been missed"},
    ErrorInfo{ErrorId::busy, "HPE-7001", 7, "the server takes no more sessions now"},
    ErrorInfo{ErrorId::reads_off, "HPE-7002", 7, "the node does not run read requests"},
    ErrorInfo{ErrorId::not_synced, "HPE-7003", 7, "a node is not in step with its cluster"},
    ErrorInfo{ErrorId::no_quorum, "HPE-7004", 7, "too few nodes answered"},
    ErrorInfo{ErrorId::cluster_down, "HPE-7005", 7, "the cluster is not running"},
    ErrorInfo{ErrorId::quorum_guard, "HPE-7006", 7, "too few nodes would be left to go on"},
    ErrorInfo{ErrorId::unproven_output, "HPE-8001", 8, "outputs without valid signatures"},
    ErrorInfo{ErrorId::wrong_ledger, "HPE-8002", 8, "the node answered with another ledger"},
    ErrorInfo{ErrorId::nodes_differ, "HPE-8003", 8, "nodes gave different answers"},
    ErrorInfo{ErrorId::broken_chain, "HPE-8004", 8, "ledgers that do not fit together"},
    ErrorInfo{ErrorId::states_differ, "HPE-8005", 8, "nodes hold different states"},
    ErrorInfo{ErrorId::not_deterministic, "HPE-8006", 8, "runs of the same inputs differ"},
    ErrorInfo{ErrorId::bad_bundle, "HPE-8007", 8,
              "a bundle that is damaged or not the expected one"},
    ErrorInfo{ErrorId::key_not_found, "HPE-9001", 9, "no such key"},
    ErrorInfo{ErrorId::ledger_not_found, "HPE-9002", 9, "the node does not have that ledger"},
    ErrorInfo{ErrorId::file_not_found, "HPE-9003", 9, "no such file"},
    ErrorInfo{ErrorId::not_known, "HPE-9004", 9, "no such context, server or command"},
    ErrorInfo{ErrorId::input_not_found, "HPE-9005", 9, "no ledger holds that"},
    ErrorInfo{ErrorId::no_project, "HPE-9006", 9, "no project here"},
    ErrorInfo{ErrorId::no_cluster, "HPE-9007", 9, "no such cluster"},
    ErrorInfo{ErrorId::no_node, "HPE-9008", 9, "no such node"},
    ErrorInfo{ErrorId::no_template, "HPE-9009", 9, "no such template"},
    ErrorInfo{ErrorId::no_state_file, "HPE-9010", 9, "no such file in the state"},
    ErrorInfo{ErrorId::key_exists, "HPE-10001", 10, "a key of that name exists"},
    ErrorInfo{ErrorId::name_taken, "HPE-10002", 10, "something of that name exists"},
    ErrorInfo{ErrorId::port_taken, "HPE-10003", 10, "a port is in use"},
    ErrorInfo{ErrorId::cluster_exists, "HPE-10004", 10, "the cluster exists or runs already"},
    ErrorInfo{ErrorId::contract_failed, "HPE-11001", 11, "the contract ended with an error"},
    ErrorInfo{ErrorId::contract_too_slow, "HPE-11002", 11, "the contract took longer than it may"},
    ErrorInfo{ErrorId::expectation, "HPE-12001", 12, "an expectation was not met"},
    ErrorInfo{ErrorId::test_failed, "HPE-12002", 12, "a test failed"},
    ErrorInfo{ErrorId::prediction_wrong, "HPE-12003", 12,
              "the cluster did not do what was predicted"},
    ErrorInfo{ErrorId::key_file, "HPE-13001", 13, "a key file is unsafe, damaged or unreachable"},
    ErrorInfo{ErrorId::cannot_write, "HPE-13002", 13, "standard output cannot be written"},
    ErrorInfo{ErrorId::passphrase, "HPE-13003", 13, "the passphrase is missing or wrong"},
    ErrorInfo{ErrorId::doctor_found, "HPE-13004", 13,
              "something that is needed here is missing or broken"},
    ErrorInfo{ErrorId::tool_missing, "HPE-13005", 13, "something this needs is not installed"},
    ErrorInfo{ErrorId::not_a_dev_node, "HPE-13006", 13,
              "the node does not take orders of this kind"},
    ErrorInfo{ErrorId::agent, "HPE-13007", 13,
              "the agent that holds the key is not there or does not sign"},
};

// In table order, so that lookup is indexing.
constexpr bool error_table_is_sorted() {
    for (std::size_t i = 0; i < error_table.size(); ++i) {
        if (static_cast<std::size_t>(error_table[i].id) != i) {
            return false;
        }
    }
    return true;
}
static_assert(error_table_is_sorted());

constexpr const ErrorInfo& info(ErrorId id) {
    return error_table[static_cast<std::size_t>(id)];
}

inline constexpr int exit_interrupted = 130;
inline constexpr int exit_closed_pipe = 141;
inline constexpr int exit_terminated = 143;

struct Failure {
    ErrorId id = ErrorId::failed;
    std::string message;
    std::string hint{};
    std::string reason{}; // rejected inputs: the protocol's word
    std::vector<std::pair<std::string, std::string>> detail{}; // facts, for JSON and -v
    // What there was to say all the same: text for stdout, or further members of the document.
    std::string answer{};
    JsonObject members{};
    // End with this code and say nothing (signals, closed pipe, a stream that has had enough).
    std::optional<int> silent_exit{};

    int exit_code() const { return silent_exit.value_or(info(id).exit); }
};

inline Failure silent(int exit_code) {
    Failure out;
    out.silent_exit = exit_code;
    return out;
}

// What a command ends with: everything for standard output, or why not.
struct Answer {
    std::string text;
};
using Outcome = tl::expected<Answer, Failure>;

inline tl::unexpected<Failure> failure(ErrorId id, std::string message, std::string hint = {}) {
    return tl::unexpected<Failure>(Failure{id, std::move(message), std::move(hint)});
}

// "hpcli: error HPE-3001: ..." and its hint, for people.
std::string describe(std::string_view program, const Failure& failure, bool color = false);
// The JSON document that takes the answer's place.
std::string to_json(const Failure& failure, std::string_view schema);

} // namespace hp::cli
