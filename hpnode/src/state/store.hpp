// SPDX-License-Identifier: Apache-2.0
// The contract's state: a writable live view for consensus runs, a frozen base view for read
// requests, atomic commit and discard, and the Merkle hash of both parts that nodes agree on
// (docs/protocol/state.md). Directory layout under contract_fs/:
//
//   seed/       the live view: state/ (cwd of runs), patch.cfg, node-private files. `hpnode new`
//               makes it, operators put the contract's initial files here, runs work in it.
//   base/       the committed view: state/ and patch.cfg; other entries are symlinks to ../seed/*
//   deltas/     one file per committed run that changed something: the result record and the
//               changed chunks, checksummed. Written and fsynced once = the run is committed.
//   versions/   the way back to the last committed versions, for peers that sync
//   staging/    a state that is being synced from peers
//   checkpoint  up to which run base/ is synced without any delta, and the roots there
//
// A run is committed exactly when its delta is durable, or when it changed nothing. On start-up
// deltas are replayed over base/, torn ones are dropped, and seed/ is made equal to base/.
//
// Thread rule: one owner thread for everything except ReadGate, which is thread safe.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "hp/base/ids.hpp"
#include "hp/base/log.hpp"
#include "hp/base/result.hpp"
#include "state/owner.hpp"
#include "tracked/written.hpp"

namespace hp::state {

struct Roots {
    Hash32 state;  // directory hash of state/
    Hash32 config; // file hash of patch.cfg, zeros when there is none yet
    bool operator==(const Roots&) const = default;
};

struct CaptureStats {
    std::uint64_t entries = 0;         // below state/
    std::uint64_t bytes = 0;           // of its files, holes included
    std::uint64_t changed_files = 0;   // patch.cfg included
    std::uint64_t changed_bytes = 0;   // in changed chunks
    std::uint64_t removed_special = 0; // entries that are no content and were deleted
    std::uint64_t read_bytes = 0;      // of files below state/, to hash them
    bool walked_all = false;           // not only what the kernel said has changed
};

// What start-up found out about committed runs.
struct Recovered {
    // The newest run known to be committed that changed something; 0 when there is none. A run
    // that changed nothing leaves no trace: repeating it gives the same.
    LedgerSeq committed_seq = 0;
    // The record given to commit() for it. Empty when a checkpoint has already removed it.
    Bytes record;
};

// Readers of base/ against the application of deltas: applying needs a moment with no reader
// inside. New readers queue while deltas are applied; if readers overlap so that such a moment
// never comes, new ones are held back for a short time now and then. A long reader delays the
// application, not the runs. Thread safe.
class ReadGate {
public:
    ReadGate();
    ~ReadGate();
    class Pass { // RAII: a reader inside, unless empty
    public:
        explicit Pass(ReadGate* gate) : gate_(gate) {}
        Pass(Pass&& other) noexcept : gate_(other.gate_) { other.gate_ = nullptr; }
        Pass& operator=(Pass&&) = delete;
        ~Pass();
        explicit operator bool() const { return gate_ != nullptr; }

    private:
        ReadGate* gate_;
    };
    Pass enter(); // blocks while an application is in progress; empty after shut()
    // A run is committed and about to be applied: who enters from now on sees it, unless readers
    // are inside, which it would have to wait for.
    void announce();
    bool try_close(); // false when readers are inside
    void open();
    // Nobody enters any more and those waiting get an empty Pass: the node stops, or applying
    // failed and base/ must not be seen half changed.
    void shut();

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

class KeptVersions;

class Store {
public:
    virtual ~Store() = default;

    // --- views ---
    virtual std::filesystem::path live_state_dir() const = 0;
    virtual std::filesystem::path live_patch_file() const = 0;
    virtual std::filesystem::path base_state_dir() const = 0;
    virtual ReadGate& gate() = 0;

    // --- start-up, in this order ---
    // Replays deltas, drops a torn newest one, restores seed/ from base/. Errc::corrupt, with
    // nothing touched, when there is a trace of a run beyond `last_decided`: then ledgers were
    // lost. With last_decided == 0 the content of seed/ becomes the base (first start).
    virtual Result<Recovered> recover(LedgerSeq last_decided) = 0;

    // Hashes of the committed state. Valid after recover() and between runs.
    virtual const Roots& roots() const = 0;

    // Of the committed state. Looks at all entries.
    virtual std::uint64_t largest_file_bytes() const = 0;

    // Replaces patch.cfg in both views outside a run and updates roots(); no delta is written:
    // the caller only does this at start-up, from durable configuration.
    virtual Status set_patch(ByteView content) = 0;

    // --- one run ---
    // After the processes of a run are gone: hashes what changed in live. Returns the new roots.
    // Errc::too_large: the run is void, discard it; so is one that leaves more than `quota_bytes`
    // in the files of the state, unless that is 0. Other errors: stop the node and recover.
    // `written`: what the run has written, if that is known; saves reading the rest.
    virtual Result<Roots> capture(CaptureStats& stats, std::uint64_t quota_bytes = 0,
                                  const tracked::Written* written = nullptr) = 0;
    // Makes the captured run durable under `seq` with an opaque `record`; apply_pending() brings it
    // to base/ afterwards. Errors mean: unknown, stop the node and recover.
    virtual Status commit(LedgerSeq seq, ByteView record) = 0;
    // Puts live back to the last committed state, captured or not.
    virtual Status discard() = 0;

    // Applies committed deltas to base/ if no reader is inside. True when none are left waiting.
    // Call it after each commit once the result is published, and when a reader has left.
    virtual Result<bool> apply_pending() = 0;
    // Deltas at or below `seq` are no longer needed for recovery once applied and synced. Their
    // records go with them, so pass only runs whose result has been stored elsewhere.
    virtual Status checkpoint(LedgerSeq seq) = 0;

    // Content of patch.cfg in the live view as of the last capture or recover; Errc::not_found
    // when there is none.
    virtual Result<Bytes> patch_content() const = 0;

    // --- state sync ---
    // The last committed versions, for those who serve them. Its list() is thread safe; outlived by
    // nobody who uses it.
    virtual const KeptVersions& versions() const = 0;
    // Takes over what lies in staging/ (sync/staging.hpp) as the state after ledger `seq`, if it
    // has exactly these hashes: Errc::corrupt, with nothing changed, if not. Atomic and durable;
    // afterwards both views hold it and older versions are gone. For between runs. False while a
    // reader is inside: call again. `seq` must be stored as decided before: recovery says so.
    virtual Result<bool> adopt(LedgerSeq seq, const Roots& roots) = 0;
};

// `contract_owner`: the user whose processes work in seed/, where that is not the node's own. A
// node that runs as root gives seed/ to it at start-up.
Result<std::unique_ptr<Store>> open_store(const std::filesystem::path& contract_fs, const Log& log,
                                          std::optional<Owner> contract_owner = {});

// From-scratch hash of a directory tree by the same rules (tests, `hpnode state hash`).
Result<Hash32> hash_tree(const std::filesystem::path& directory);

} // namespace hp::state
