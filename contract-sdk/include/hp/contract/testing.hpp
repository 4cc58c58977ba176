// SPDX-License-Identifier: Apache-2.0
//
// Runs contracts without a node, for tests of contracts (library hp::contract_testing). Everything
// a node would do is scripted: users and their inputs, ledger number, hash and time, other nodes on
// the party line. Nothing is random and nothing depends on the time of day.
//
//     TestNode node(my_handler);                                 // or TestNode("./my_contract")
//     const auto first = node.round({{"alice", {"add 5"}}, {"bob", {}}});
//     CHECK(first.answers("alice") == std::vector<std::string>{"{\"total\":5}"});
//     CHECK(node.state().read("total.txt") == "5");
//
// Two ways to run: a handler in this process (debuggers, coverage and sanitizers see it, but it
// must return and must not crash), or a program of its own, started exactly as a node does
// (contract protocol sections 6 to 9). Works with any test framework, or none.
//
// Errors: what the contract does wrong is in the outcome. When this machine lacks what a run needs
// (descriptors, processes, disk), std::system_error is thrown: a test can do nothing about it.
// Threads: one run at a time per process, because a run in this process changes the working
// directory and the umask, and restores them.
#pragma once

#include <hp/contract/config.hpp>
#include <hp/contract/contract.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/types.h>

namespace hp::contract::testing {

/// A valid public key in hex: `ed`, then 64 digits that spell `number`. Ascending like the numbers.
[[nodiscard]] std::string make_key(std::uint64_t number);
/// A valid public key in hex that belongs to this name: the same in every test.
[[nodiscard]] std::string make_key(std::string_view name);
/// A valid ledger hash in hex for this ledger number.
[[nodiscard]] std::string make_hash(std::uint64_t number);

/// A message as Npl::exchange() sends it, to script what other nodes contribute.
[[nodiscard]] std::string make_exchange_message(std::string_view topic, std::string_view payload);

struct TestUser {
    std::string key_hex;
    std::vector<std::string> inputs;
};

struct TestUnlNode {
    std::string key_hex;
    std::uint64_t active_on_ms = 0;
};

/// Another node on the party line.
struct TestNplPeer {
    std::string key_hex;
    /// Waiting on the channel when the contract starts.
    std::vector<std::string> first_messages;
    /// What it says to each message of the contract; empty: nothing. May be called on a thread of
    /// the run's own, while the contract runs.
    std::function<std::vector<std::string>(std::string_view)> on_message;
};

/// One run: what the contract is told, and how the node at the other end of the channels behaves.
/// Every knob is something that nodes really do, or really get wrong. Made for designated
/// initialisers: RunSpec{.readonly = true, .users = {{make_key("alice"), {"get"}}}}.
struct RunSpec {
    bool readonly = false; ///< serve a read request: no ledger, no NPL, timestamp 0
    std::vector<TestUser> users = {};
    std::vector<TestUnlNode> unl = {}; ///< empty: this node alone; of a TestNode: its patch.cfg's
    std::string node_key = make_key(0xabcdef);
    std::string node_private_key = "ed" + std::string(120, '5') + "00aaff99";
    std::string contract_id = "71216897-7ae3-4c4d-8c62-7b38d7f7db60";
    std::string hp_version = "0.6.4";
    std::uint64_t timestamp_ms = 1795212533671;
    std::uint64_t lcl_seq_no = 13;
    std::string lcl_hash = make_hash(13);

    std::string directory = {}; ///< working directory of the contract; empty: the caller's
    mode_t umask = 022;
    int timeout_ms = 20000; ///< then a process is killed; a handler finds its channels closed

    std::vector<TestNplPeer> npl_peers = {};
    /// Raw packets before those of the peers: first a key, then a message, if all is well.
    std::vector<std::string> npl_packets = {};
    bool npl_echo = true; ///< hand the contract's own messages back, as a validator's node does
    bool npl_close_early = false; ///< close the node's end once the packets above are written

    std::size_t output_chunk_bytes = 131072; ///< how much the node reads at once per user
    int output_buffer_bytes = 0;             ///< send buffer of the contract's end; 0: default
    std::size_t output_bytes_max = SIZE_MAX; ///< then the node closes its end of that user
    bool seal_inputs = true;                 ///< the input file cannot be changed

    // For run_process() only.
    std::string program = {};
    std::vector<std::string> args = {};
    std::vector<std::string> environment = {}; ///< "NAME=value"
    bool stdin_from_pipe = false;              ///< else from a file, which gives it in one read
    int stdin_fd = -1;                         ///< use this instead of a document; not closed
    /// Last chance to damage or extend the document.
    std::function<std::string(std::string)> edit_document = {};
};

struct RunOutcome {
    int exit_code = -1; ///< of the process, or what run() would return; -1 if it ended otherwise
    int signal = 0;     ///< that ended the process; 0 if none did
    bool timed_out = false;
    std::string failure;                        ///< run_handler(): what the handler threw
    std::string document;                       ///< what the contract was given to read
    std::map<std::string, std::string> outputs; ///< bytes received, by user key
    std::vector<std::string> control;           ///< packets received
    std::vector<std::string> npl;               ///< packets received
    std::string out;                            ///< run_process(): standard output
    std::string err;                            ///< run_process(): standard error

    /// The messages sent to a user; none for a stranger. See split_messages().
    [[nodiscard]] std::vector<std::string> messages(const std::string& key_hex) const;
};

/// The messages in the bytes of a user's channel. What is no complete message at the end becomes
/// "<partial>".
[[nodiscard]] std::vector<std::string> split_messages(std::string_view bytes);

/// Starts `spec.program` as a node does and waits for its end: own process group, only the channels
/// and the standard streams open, exactly `spec.environment`.
[[nodiscard]] RunOutcome run_process(const RunSpec& spec);

/// Calls `handler` on this thread as run() would. Standard streams are the test's own. What cannot
/// come back (a crash, _exit) takes the test with it: use run_process() for that.
[[nodiscard]] RunOutcome run_handler(const Handler& handler, const RunSpec& spec);

/// A directory <tmp>/state for one test, removed at the end together with <tmp>. Where there should
/// be no trace of one test in the next, this is the state directory, and <tmp> the private one.
class StateDir {
public:
    StateDir();
    StateDir(const StateDir&) = delete;
    StateDir& operator=(const StateDir&) = delete;
    ~StateDir();

    [[nodiscard]] const std::string& path() const noexcept { return state_; }

    /// Content of a file, by its path relative to the state directory; nothing if there is none.
    [[nodiscard]] std::optional<std::string> read(const std::string& name) const;
    void write(const std::string& name, std::string_view content, mode_t mode = 0644) const;
    /// Paths of all files and directories in the state, in the order of walk_directory(), separated
    /// by spaces.
    [[nodiscard]] std::string list() const;
    /// Path and content of every regular file in the state: compare two nodes with this.
    [[nodiscard]] std::map<std::string, std::string> files() const;

private:
    std::string root_;
    std::string state_;
};

/// How a run of a TestNode ended.
struct RoundOutcome : RunOutcome {
    /// The messages sent to the user of this name.
    [[nodiscard]] std::vector<std::string> answers(std::string_view user) const {
        return messages(make_key(user));
    }

    /// Exit code of post_exec.sh, 128 + n if signal n ended it; nothing if it was not run. As on a
    /// node, code 0 removes the script, and 1, 2 and more than 125 lose the outputs of the round.
    std::optional<int> post_exec_exit_code;
    /// A read request left the state or the private directory changed. A real node forbids that
    /// with an error; here the change stays, so the test sees what it was.
    bool changed_files_in_read = false;
};

/// A node that closes ledgers when told to. State, private files and patch.cfg live in a directory
/// of its own from round to round. As on a real node, a patch.cfg that the contract changed is in
/// force from the next round on (here: its unl and environment), an invalid one is ignored.
class TestNode {
public:
    struct Options {
        /// Which member of the UNL this node is, from 1. Nodes of different numbers differ in all
        /// that is not deterministic: keys and active_on. Same inputs, same answers and files on
        /// two such nodes: a good test of determinism.
        unsigned number = 1;
        unsigned unl_size = 1; ///< their keys are node_key(1) and so on
        std::uint32_t roundtime_ms = 1000;
    };

    /// Users by name, each with inputs. All users of the list are connected.
    using Inputs = std::vector<std::pair<std::string, std::vector<std::string>>>;

    explicit TestNode(Handler handler);
    TestNode(Handler handler, const Options& options);
    explicit TestNode(const std::string& program);
    TestNode(const std::string& program, const Options& options);

    /// Closes the next ledger with these inputs and runs the contract, then post_exec.sh if there
    /// is one.
    RoundOutcome round(const Inputs& inputs = {});
    /// Serves one read request.
    RoundOutcome read(const std::string& user, const std::string& request);

    [[nodiscard]] const StateDir& state() const noexcept { return state_; }
    /// Number of the last closed ledger; 1 is the genesis ledger, without a run.
    [[nodiscard]] std::uint64_t lcl_seq_no() const noexcept { return lcl_seq_no_; }
    /// Public key in hex of the UNL member of that number.
    [[nodiscard]] static std::string node_key(unsigned number);

    /// What further runs begin with. Users, ledger, time, directory and mode are set by round() and
    /// read(); all else is yours: NPL peers, limits, environment.
    RunSpec spec;

private:
    RoundOutcome run(RunSpec run_spec);
    void adopt_config();
    void run_post_exec(RoundOutcome& outcome) const;
    RunSpec make_spec(const Inputs& inputs) const;
    std::vector<TestUnlNode> make_unl(std::uint64_t now_ms) const;

    Handler handler_; ///< empty: spec.program is run
    Options options_;
    StateDir state_;
    Config config_; ///< in force
    std::uint64_t lcl_seq_no_ = 1;
};

} // namespace hp::contract::testing
