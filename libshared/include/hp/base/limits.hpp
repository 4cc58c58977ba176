// SPDX-License-Identifier: Apache-2.0
// Every cap of the toolkit, with its reason and what happens beyond it. Nothing that a user, a
// peer, a contract or a file controls may grow without one of these. Configuration can lower most
// of them (docs/configuration.md).
#pragma once

#include <cstddef>
#include <cstdint>

namespace hp::limits {

inline constexpr std::size_t kib = 1024;
inline constexpr std::size_t mib = 1024 * kib;

// --- user sessions ---------------------------------------------------------------------------
// Default of user.max_bytes_per_msg = 0 (user-protocol.md 2.3). Larger: close 1009.
inline constexpr std::size_t user_message_bytes_default = 5 * mib;
// Challenge response and handshake messages are small; a larger one is no honest client.
inline constexpr std::size_t handshake_message_bytes_max = 4 * kib;
// Sockets accepted but not yet verified, all hosts: keys are free, so this bounds anonymous memory.
// Beyond it new sockets are closed at accept.
inline constexpr std::size_t unverified_sessions_max = 2048;
// Verified sessions when user.max_connections is 0. Beyond it: close 1013 before the handshake
// ends.
inline constexpr std::size_t user_sessions_max = 10000;
// Time to finish TLS, upgrade and handshake (user-protocol.md 2.5).
inline constexpr std::int64_t handshake_timeout_ms = 5000;
// Server ping interval on idle sessions; two missed intervals end the session.
inline constexpr std::int64_t ping_interval_ms = 25000;
// Bytes waiting to be sent to one session; a client that does not read is closed with 1013.
inline constexpr std::size_t send_queue_bytes_max = 128 * mib;
// All send queues together: beyond it, sessions with more than slow_reader_bytes waiting are closed
// when something is to be sent to them.
inline constexpr std::size_t send_queues_bytes_max = 512 * mib;
inline constexpr std::size_t slow_reader_bytes = 1 * mib;
// A single reply larger than this is replaced by a log line (or exec_failure for queries):
// the client's own default frame limit is 100 MiB.
inline constexpr std::size_t reply_bytes_max = 96 * mib;
// Messages read but not yet handled, per session: reading pauses beyond it.
inline constexpr std::size_t session_pending_messages_max = 1024;
// JSON/BSON nesting: real messages nest 3 deep; containers nest what users like, so leave room.
inline constexpr std::size_t message_depth_max = 64;
// Values in one message from a stranger, and members of one object (checked pairwise for
// duplicates): a few bytes of text must not become hundreds of times as much memory or time.
inline constexpr std::size_t request_values_max = 10'000;
inline constexpr std::size_t message_members_max = 1'000;
// Values in a message from a node: a ledger query may list ledger_inputs_max inputs.
inline constexpr std::size_t server_message_values_max = 4'000'000;
// ... and contract outputs nest as contracts like.
inline constexpr std::size_t server_message_depth_max = 1000;
// ids of read requests and ledger queries are echoed back.
inline constexpr std::size_t request_id_bytes_max = 1024;

// --- connections (net) ---------------------------------------------------------------------------
// HTTP head of an upgrade request; real ones have a few hundred bytes. Larger: the socket is
// closed.
inline constexpr std::size_t http_head_bytes_max = 8 * kib;
// Framed bytes collected for one connection before they are written, beyond its send queue: large
// enough for full TLS records, small enough to exist once per busy connection.
inline constexpr std::size_t output_batch_bytes = 64 * kib;
// How long framed bytes may wait for more when messages keep coming.
inline constexpr std::int64_t output_batch_us = 1000;
// From close() to the forced end of a connection, and from its last frame to the end of its socket.
inline constexpr std::int64_t close_grace_ms = 2000;
// Pause after accept() failed, for example for want of file descriptors.
inline constexpr std::int64_t accept_backoff_ms = 100;

// --- bans (user-protocol.md 2.7) ---------------------------------------------------------------
inline constexpr int violations_before_ban = 5;
inline constexpr std::int64_t violation_window_ms = 600'000;
inline constexpr std::int64_t ban_ms = 600'000;
inline constexpr std::size_t bans_max = 100;
inline constexpr std::size_t violation_hosts_max = 4096;

// --- connections between nodes -------------------------------------------------------------------
// A message of a member: a ledger with all its inputs fits. Before its key is proven, a node may
// send no more than handshake_message_bytes_max at once. Larger: close 1009.
inline constexpr std::size_t peer_message_bytes_max = 96 * mib;
// Waiting to be sent to one node, by lane, most urgent first: votes, inputs and NPL, the rest. A
// full lane drops its newest message: everything is asked for or said again.
inline constexpr std::size_t peer_vote_lane_bytes_max = 128 * mib;
inline constexpr std::size_t peer_input_lane_bytes_max = 64 * mib;
inline constexpr std::size_t peer_bulk_lane_bytes_max = 128 * mib;
// Handed to the connection at once, so that what is more urgent never waits for much.
inline constexpr std::size_t peer_burst_bytes = 256 * kib;
// Messages of one node whose signatures are being checked: reading from it pauses beyond.
inline constexpr std::size_t peer_checks_max = 256;
inline constexpr std::size_t peer_check_bytes_max = 16 * mib;
// Messages of one node about the next ledger whose signatures fit no UNL that is known yet.
inline constexpr std::size_t peer_early_messages_max = 64;
inline constexpr std::size_t peer_early_bytes_max = 16 * mib;
// Connections whose key is not proven yet, all hosts, and all connections when mesh.max_connections
// is 0. Beyond it new ones are closed at accept.
inline constexpr std::size_t unproven_peers_max = 64;
inline constexpr std::size_t peer_connections_max = 1024;
// Pause before a peer that cannot be reached is called again: doubled from the first to the last.
inline constexpr std::int64_t peer_retry_first_ms = 50;
inline constexpr std::int64_t peer_retry_last_ms = 5000;
// Idle time after which a peer is pinged; two missed intervals end the connection.
inline constexpr std::int64_t peer_ping_interval_ms = 5000;
inline constexpr std::size_t host_bytes_max = 253; // RFC 1035 2.3.4
// Links of the epoch chain in one answer, with their configurations: who follows it asks again.
inline constexpr std::size_t epochs_per_page_max = 64;
inline constexpr std::size_t epoch_page_bytes_max = 4 * mib;
// Links of one chain: a peer that has more of them is not believed.
inline constexpr std::size_t epochs_max = 65'536;
// Ledgers whose outputs a node that did not run them is asking others for; the history lacks those
// of ledgers beyond.
inline constexpr std::size_t late_outputs_max = 65'536;
// Answers from the ledgers that are being looked up for one peer; what it asks for beyond is not
// answered, and asked for again.
inline constexpr std::size_t peer_lookups_max = 32;

// --- inputs and rounds ---------------------------------------------------------------------------
// Candidate inputs waiting for a ledger, all users, count and bytes: beyond it an input is
// rejected with round_inputs_overflow.
inline constexpr std::size_t candidate_inputs_max = 200'000;
inline constexpr std::size_t candidate_bytes_max = 256 * mib;
// Inputs of one ledger; the rest stay candidates for the next.
inline constexpr std::size_t ledger_inputs_max = 65'536;
inline constexpr std::size_t ledger_input_bytes_max = 64 * mib;
// Members of a UNL: every ledger carries something from each.
inline constexpr std::size_t members_max = 1000;
// Users in one ledger: those connected anywhere. Beyond it a block is invalid.
inline constexpr std::size_t ledger_users_max = 1'000'000;
// Skip certificates in one proposal; a cluster with that many failed attempts at one ledger has its
// longest timers by far, and its leaders have nothing newer to show.
inline constexpr std::size_t justification_certificates_max = 256;
// Users whose nonce floor is remembered. Beyond it inputs of new users are rejected with
// round_inputs_overflow until old records expire.
inline constexpr std::size_t nonce_records_max = 1'000'000;
// Input hashes kept per user to answer already_submitted; older repeats are nonce_expired.
inline constexpr std::size_t remembered_inputs_per_user_max = 1024;
// Inputs waiting for signature verification on the worker pool.
inline constexpr std::size_t verify_queue_max = 200'000;

// --- contract runs ---------------------------------------------------------------------------
// All outputs of one run. Beyond it the last messages, by user then by order, are dropped.
inline constexpr std::size_t run_output_bytes_max = 256 * mib;
// What a message counts toward run_output_bytes_max beside its framed size: bounds the number of
// empty messages.
inline constexpr std::size_t output_message_overhead_bytes = 256;
// One output message; a larger announced length ends that user's output.
inline constexpr std::size_t output_message_bytes_max = 128 * mib;
// NPL and control packets (contract-protocol.md 8.4, 8.5).
inline constexpr std::size_t npl_message_bytes_max = 131'072;
inline constexpr std::size_t control_message_bytes_max = 131'072;
// JSON values in a control message: more than a packet of the shortest peer addresses has. Beyond
// it the message is ignored, with a note.
inline constexpr std::size_t control_message_values_max = 32 * kib;
// peer_changeset messages of one run that are acted on; later ones are ignored, with a note.
inline constexpr std::size_t peer_changesets_per_run_max = 256;
// NPL messages waiting for a contract, its own echoes included, and as many again for the run that
// comes next. Each counts with its size and an overhead. Beyond it the newest message of whoever
// has the most waiting is dropped, so that nobody crowds out the others.
inline constexpr std::size_t npl_waiting_bytes_max = 32 * mib;
inline constexpr std::size_t npl_message_overhead_bytes = 256;
// What a read request prints and its node keeps back, so that it comes in one piece into the log
// that all of them share; beyond it, in several, each under the request's title.
inline constexpr std::size_t contract_log_held_bytes_max = 64 * kib;
// Read requests waiting for a worker (contract-protocol.md 6.1); beyond it they are dropped,
// logged.
inline constexpr std::size_t read_queue_max = 1024;
// Highest user.concurrent_read_requests.
inline constexpr std::size_t concurrent_reads_max = 32;
// Processes and threads of one run, where the system can limit them: far more than contracts use,
// far fewer than would slow the machine down. More cannot be started (EAGAIN).
inline constexpr std::size_t run_processes_max = 2048;
// Time between SIGTERM and SIGKILL when a run is over its time.
inline constexpr std::int64_t term_grace_ms = 100;

// --- status of a running node ------------------------------------------------------------------
// Programs that read the status at the same time; further ones are closed at once.
inline constexpr std::size_t status_readers_max = 8;
// Until a reader that does not read is given up, and until `hpnode status` gives up the node.
inline constexpr std::int64_t status_timeout_ms = 5000;
// An order to a node of a development cluster; a longer one gets no answer.
inline constexpr std::size_t dev_order_bytes_max = 1 * mib;
// The document itself: a UNL and known peers of any size fit in.
inline constexpr std::size_t status_bytes_max = 4 * mib;
// Addresses of peers that a contract may make a node know (contract-protocol.md 8.5); later ones
// are ignored, with a warning. The list that hp.cfg keeps is shorter.
inline constexpr std::size_t known_peers_max = 256;
inline constexpr std::size_t stored_known_peers_max = 100;
// --- warm start (contract.warm_start) ------------------------------------------------------------
// Whatever a process may have read before its run is looked at again when the run begins. Beyond
// these limits that would take longer than a start, so contracts are started as ever.
inline constexpr std::size_t warm_state_entries_max = 10'000;
inline constexpr std::size_t warm_private_entries_max = 1'000;
// Contents are read only on file systems in memory, whose stat data prove nothing.
inline constexpr std::size_t warm_bytes_read_max = 4 * mib;
// Users with reserved output channels.
inline constexpr std::size_t warm_users_max = 1024;
// Processes that wait for read requests.
inline constexpr std::size_t warm_readers_max = 2;
// Read requests are frequent when they are not farther apart than this. After it without a request
// nothing waits any more.
inline constexpr std::int64_t warm_reads_pause_ms = 5000;
// Changes of private files in a row, by others than the contract's runs, before a contract is
// believed to make them itself in its start-up, and is started as ever.
inline constexpr int warm_private_changes_max = 3;

// --- redelivery (user-protocol.md section 18, I12) -----------------------------------------------
inline constexpr std::int64_t redelivery_ms = 60'000;
inline constexpr std::size_t redelivery_messages_per_user_max = 256;
inline constexpr std::size_t redelivery_bytes_max = 64 * mib;

// --- files --------------------------------------------------------------------------------------
inline constexpr std::size_t config_bytes_max = 4 * mib;
// A user's key file is a few hundred bytes.
inline constexpr std::size_t key_file_bytes_max = 16 * kib;
// What OpenSSH's own tools take from an agent; more is refused before memory is spent.
inline constexpr std::size_t agent_answer_bytes_max = 256 * kib;
inline constexpr std::size_t agent_keys_max = 2048;
// Of a key's comment; the rest is cut off.
inline constexpr std::size_t agent_comment_bytes_max = 256;
inline constexpr std::size_t patch_bytes_max = 1 * mib;
// Nesting and number of JSON values in either file: real ones nest 4 deep and have one value a
// field, UNL member and environment variable. Beyond it the file is refused, before memory is
// spent.
inline constexpr std::size_t config_depth_max = 16;
inline constexpr std::size_t config_values_max = 100'000;
// Lower, so that every acceptable patch.cfg also fits into hp.cfg, where it is written to.
inline constexpr std::size_t patch_values_max = 90'000;
// Problems and unknown keys reported about one file; the rest are summed up in one line.
inline constexpr std::size_t config_problems_max = 200;
// The vote log: a ledger's blocks and inputs for every failed attempt at it. Beyond it the node
// stops; deciding the ledger empties the log.
inline constexpr std::size_t vote_log_bytes_max = 1024 * mib;
// Entries of the state tree; a run that exceeds it is void.
inline constexpr std::size_t state_entries_max = 1'000'000;
inline constexpr std::size_t state_depth_max = 128;
// Entries of the live state that are watched for changes; with more of them, or where the kernel
// allows fewer, each run looks at the stat data of all.
inline constexpr std::size_t state_watches_max = 65'536;
// Files of which a run's own view records the written blocks (state.backend = tracked); smaller
// ones are read again as a whole sooner than a record pays, and beyond the number all are.
inline constexpr std::size_t tracked_file_bytes_min = 1 * mib;
inline constexpr std::size_t tracked_files_max = 1024;
// A file this large makes state.backend = auto choose that view.
inline constexpr std::size_t tracked_auto_bytes = 64 * mib;
// Logical bytes of all files of the state together (holes count): bounds the chunk hashes kept in
// memory to 128 MiB. A run that exceeds it is void.
inline constexpr std::size_t state_bytes_max = std::size_t{256} * 1024 * mib;
// The result record stored with a committed run: its outputs and some framing.
inline constexpr std::size_t state_record_bytes_max = 512 * mib;
// Node-private entries beside the state that read requests see; later ones exist but stay hidden.
inline constexpr std::size_t private_entries_max = 10'000;

// --- versions of the state and state sync --------------------------------------------------------
// Committed versions of the state that stay addressable for peers that sync: at least the first
// number; more, up to the second, while their old content and their indexes are small.
inline constexpr std::size_t state_versions_min = 8;
inline constexpr std::size_t state_versions_max = 64;
inline constexpr std::size_t state_versions_bytes = 1024 * mib;
inline constexpr std::size_t state_versions_memory_bytes = 64 * mib;
// Old content that is read and checked at start-up for them; versions beyond it are given up.
inline constexpr std::size_t state_versions_reload_bytes_max = 256 * mib;
// Objects named in one request of state sync, and the bytes of one answer before compression: many
// small files in one round trip, and yet small enough not to hold up votes behind it.
inline constexpr std::size_t sync_items_max = 256;
inline constexpr std::size_t sync_answer_bytes_max = 1 * mib;
// Requests that wait for one peer, and how long, before others are asked instead.
inline constexpr std::size_t sync_requests_per_peer_max = 4;
inline constexpr std::int64_t sync_timeout_ms = 10'000;
// Of one peer, on the side that answers; more than an honest one has waiting after a timeout are
// dropped.
inline constexpr std::size_t peer_state_requests_max = 16;
// A peer that has not answered so many requests in a row is left alone for a while.
inline constexpr int sync_timeouts_max = 3;
inline constexpr std::int64_t sync_pause_ms = 30'000;

} // namespace hp::limits
