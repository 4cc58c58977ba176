// SPDX-License-Identifier: Apache-2.0
#include "state/sync/client.hpp"

#include <algorithm>

namespace hp::state::sync {

Result<Client> Client::start(int contract_fs, const FileOps& ops, const Roots& target,
                             const Trees& own, Callbacks callbacks, const Log& log,
                             std::uint64_t first_id) {
    HP_TRY(Staging staging, Staging::open(ops, contract_fs));
    HP_TRY(Trees staged, staging.scan({}));
    Client client(std::move(staging), std::move(staged), target, own, std::move(callbacks),
                  log.module("sync"), first_id);
    HP_TRY_STATUS(client.carry_out(0));
    return client;
}

Client::Client(Staging staging, Trees staged, const Roots& target, const Trees& own,
               Callbacks callbacks, Log log, std::uint64_t first_id)
    : staging_(std::move(staging)), staged_(std::move(staged)),
      fetch_(target, staged_, own, first_id), callbacks_(std::move(callbacks)),
      log_(std::move(log)) {
    log_.info("state sync begins", {{"root", target.state.short_hex()}});
}

Status Client::retarget(const Roots& target, const Trees& own, TimeMs now) {
    HP_TRY(staged_, staging_.scan(staged_));
    fetch_ = Fetch(target, staged_, own, fetch_.next_id());
    log_.info("state sync goes on with a newer state", {{"root", target.state.short_hex()}});
    for (const PublicKey& peer : peers_) {
        fetch_.on_peer_up(peer, now);
    }
    return carry_out(now);
}

Status Client::on_peer_up(const PublicKey& peer, TimeMs now) {
    if (std::ranges::find(peers_, peer) == peers_.end()) {
        peers_.push_back(peer);
        fetch_.on_peer_up(peer, now);
    }
    return carry_out(now);
}

Status Client::on_peer_down(const PublicKey& peer, TimeMs now) {
    std::erase(peers_, peer);
    fetch_.on_peer_down(peer, now);
    return carry_out(now);
}

Status Client::on_answer(const PublicKey& peer, ByteView message, TimeMs now) {
    fetch_.on_answer(peer, message, now);
    return carry_out(now);
}

Status Client::on_tick(TimeMs now) {
    fetch_.on_tick(now);
    return carry_out(now);
}

// A copy that failed gives new effects, so until there are none.
Status Client::carry_out(TimeMs now) {
    for (auto effects = fetch_.take_effects(); !effects.empty(); effects = fetch_.take_effects()) {
        for (Effect& effect : effects) {
            if (auto done = carry_out(effect, now); !done) {
                return fail(std::move(done.error()).in("writing a synced state"));
            }
        }
    }
    return {};
}

namespace {

template <class... Handlers>
struct Overload : Handlers... {
    using Handlers::operator()...;
};
template <class... Handlers>
Overload(Handlers...) -> Overload<Handlers...>;

} // namespace

Status Client::carry_out(Effect& effect, TimeMs now) {
    const auto copied = [this, now](const auto& copy, Result<bool> done) -> Status {
        if (!done) {
            return fail(std::move(done.error()));
        }
        if (!*done) {
            fetch_.on_copy_failed(copy, now);
        }
        return {};
    };
    return std::visit(
        Overload{
            [this](const SendRequest& send) -> Status {
                callbacks_.send(send.peer, encode_request(send.request));
                return {};
            },
            [this](const Penalise& bad) -> Status {
                log_.warning("a peer gave a wrong part of the state",
                             {{"peer", bad.peer.short_hex()}, {"what", bad.reason}});
                std::erase(peers_, bad.peer);
                callbacks_.penalise(bad.peer, bad.reason);
                return {};
            },
            [this](const MakeDirectory& make) {
                return staging_.make_directory(make.path, make.children);
            },
            [this](const MakeSymlink& make) {
                return staging_.make_symlink(make.path, make.target);
            },
            [this](const PrepareFile& file) {
                return staging_.prepare_file(file.path, file.executable, file.size, file.keep);
            },
            [this](const WriteChunks& write) {
                return staging_.write_chunks(write.path, write.first, write.content);
            },
            [this](const ZeroChunk& zero) { return staging_.zero_chunk(zero.path, zero.index); },
            [this, &copied](const CopyChunk& copy) {
                return copied(copy,
                              staging_.copy_chunk(copy.path, copy.index, copy.length, copy.hash));
            },
            [this, &copied](const CopyTree& copy) {
                return copied(copy, staging_.copy_tree(copy.path, *copy.entry));
            },
            [this](const RemoveEntry& entry) { return staging_.remove(entry.path); },
        },
        effect);
}

} // namespace hp::state::sync
