// SPDX-License-Identifier: Apache-2.0
// Fetches one version of the state from peers: decides whom to ask for what, checks every answer
// against the hashes it hangs from, and says what to write. Pure: events in, effects out; the
// caller has the clock, the network and the disk (client.hpp).
//
// It walks down from the certified root: a description is asked for by the hash its parent gave, so
// an answer with another hash is provably bad and its sender is dropped and reported. What staging
// or the own state already has is not asked for. Peers that do not answer only lose time: their
// share goes to others, and idle peers repeat what somebody else has been asked for too long ago.
//
// One owner thread.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <variant>

#include "hp/base/time.hpp"
#include "state/sync/description.hpp"
#include "state/sync/message.hpp"

namespace hp::state::sync {

// --- effects ---------------------------------------------------------------------------------

struct SendRequest {
    PublicKey peer;
    Request request;
};
struct Penalise { // an answer that no honest peer sends; it is not asked again
    PublicKey peer;
    std::string reason;
};
struct MakeDirectory { // nothing but these children may be in it
    std::string path;
    std::vector<ListedChild> children;
};
struct MakeSymlink {
    std::string path;
    std::string target;
};
struct PrepareFile {
    std::string path;
    bool executable = false;
    std::uint64_t size = 0;
    bool keep = false; // of the content that staging has
};
struct WriteChunks {
    std::string path;
    std::uint32_t first = 0;
    Bytes content;
};
struct ZeroChunk {
    std::string path;
    std::uint32_t index = 0;
};
struct CopyChunk { // from the own state, if it is there as said; else on_copy_failed()
    std::string path;
    std::uint32_t index = 0;
    std::size_t length = 0;
    Hash32 hash;
    Hash32 file_hash;
};
struct CopyTree { // the same with everything at this path
    std::string path;
    EntryPtr entry;
};
struct RemoveEntry {
    std::string path;
};
using Effect = std::variant<SendRequest, Penalise, MakeDirectory, MakeSymlink, PrepareFile,
                            WriteChunks, ZeroChunk, CopyChunk, CopyTree, RemoveEntry>;

struct FetchProgress {
    std::uint64_t entries_known = 0; // grows while directories are read
    std::uint64_t entries_done = 0;
    std::uint64_t bytes_known = 0;
    std::uint64_t bytes_done = 0; // whatever their source
    std::uint64_t bytes_received = 0;
};

class Fetch {
public:
    enum class State {
        fetching,
        complete,    // once all effects are carried out, staging holds the target
        target_gone, // no peer keeps this version any more: start again with a newer one
        failed,      // the certified state itself breaks a limit
    };

    // `staged`: what staging holds, `own`: what base/ holds. Both only save work. `first_id`: of no
    // earlier fetch, whose answers may still be on their way and must not pass for wrong ones.
    Fetch(const Roots& target, const Trees& staged, const Trees& own, std::uint64_t first_id = 1);

    // Peers in the order they are to be asked in, first the best.
    void on_peer_up(const PublicKey& peer, TimeMs now);
    void on_peer_down(const PublicKey& peer, TimeMs now);
    void on_answer(const PublicKey& peer, ByteView message, TimeMs now);
    void on_tick(TimeMs now); // at least every second
    void on_copy_failed(const CopyChunk& copy, TimeMs now);
    void on_copy_failed(const CopyTree& copy, TimeMs now);

    // To be carried out in this order, before the next event.
    std::vector<Effect> take_effects() { return std::exchange(effects_, {}); }

    State state() const;
    const Error& failure() const { return *failure_; } // when failed
    const FetchProgress& progress() const { return progress_; }
    std::uint64_t next_id() const { return next_id_; } // of a request

private:
    struct File {
        std::string path;
        Hash32 hash;
        std::vector<Hash32> chunks;
        std::uint64_t size = 0;
    };
    struct Work { // one item to ask for
        std::string path;
        Hash32 hash;
        EntryType type = EntryType::file;
        std::size_t depth = 0;
        EntryPtr staged; // at the same path, as far as known
        EntryPtr own;
        std::shared_ptr<File> file; // set: chunks of it; else the description
        std::uint32_t first = 0;
        std::uint32_t count = 0;
        bool large = false;  // a description of several parts
        int asked = 0;       // requests and assemblies that have it now
        TimeMs asked_ms = 0; // since when somebody has
        bool done = false;
    };
    using WorkPtr = std::shared_ptr<Work>;
    struct Asked {
        PublicKey peer;
        std::vector<WorkPtr> works;
        TimeMs at = 0;
    };
    struct Assembly { // a description of several parts, all from one peer
        WorkPtr work;
        std::uint64_t total = 0; // 0: not known yet
        Bytes bytes;
    };
    struct Peer {
        std::size_t order = 0;
        std::size_t in_flight = 0;
        int timeouts = 0;
        TimeMs away_until = 0;
        bool refused = false; // does not keep the version, or not all of it
        std::optional<Assembly> assembly;
    };
    using PeerMap = std::map<PublicKey, Peer>;

    // --- content ---
    void want(Work work);
    void want_root(const char* name, EntryType type, const Hash32& hash, const EntryPtr& staged,
                   const EntryPtr& own);
    void finish(Work& work);
    Status take_description(Work& work, ByteView bytes);
    Status take_directory(Work& work, ByteView bytes);
    Status take_file(Work& work, ByteView bytes);
    void want_chunks(const std::shared_ptr<File>& file, const std::vector<std::uint32_t>& missing);
    // Adds what is below and its bytes to what is known and done, or takes it away again.
    void count_tree(const Entry& entry, bool add);

    // --- asking ---
    void ask_all(TimeMs now);
    bool ask(const PublicKey& key, Peer& peer, TimeMs now);
    std::vector<WorkPtr> take_works();
    std::vector<WorkPtr> take_overdue(const PublicKey& key, TimeMs now);
    bool may_assemble() const;
    bool continue_assembly(const PublicKey& key, Peer& peer, TimeMs now);
    void send(const PublicKey& key, Peer& peer, std::vector<WorkPtr> works, TimeMs now);
    RequestItem item_of(const Work& work, const Peer& peer) const;
    void put_back(const WorkPtr& work);
    void drop_assembly(Peer& peer);
    void drop_peer(const PublicKey& key);
    void penalise(const PublicKey& key, std::string reason);
    void refuse(Peer& peer, TimeMs now);

    // --- answers; an error is the sender's fault ---
    Status take_answer(Peer& peer, const Asked& asked, Answer& answer, TimeMs now);
    Status take_item(Peer& peer, const WorkPtr& work, AnswerItem& item);
    Status take_parts(Peer& peer, const WorkPtr& work, AnswerItem& item);
    Status take_chunks(Work& work, Bytes content);
    void fail_target(Error error);

    Roots target_;
    std::vector<Effect> effects_;
    FetchProgress progress_;
    std::optional<Error> failure_;
    std::size_t open_ = 0; // works not done
    std::deque<WorkPtr> chunk_works_;
    std::vector<WorkPtr> description_works_; // the last first: depth before breadth
    std::vector<WorkPtr> large_works_;
    PeerMap peers_;
    std::size_t next_order_ = 0;
    std::uint64_t next_id_;
    std::map<std::uint64_t, Asked> asked_;
    ChunkBuffer buffer_;
};

} // namespace hp::state::sync
