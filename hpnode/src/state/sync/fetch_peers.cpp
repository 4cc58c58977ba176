// SPDX-License-Identifier: Apache-2.0
// Whom the fetch asks for what, and what becomes of peers that lie, refuse or keep silent.
#include <algorithm>

#include "hp/base/check.hpp"
#include "state/sync/fetch.hpp"

namespace hp::state::sync {
namespace {

// Nobody's description is longer on average; only decides how much is asked for at once.
constexpr std::size_t description_bytes_guess = 2048;
constexpr std::size_t request_path_bytes_max = 128 * limits::kib;
// A work that one peer has had for so long is also given to another that has nothing to do.
constexpr std::int64_t overdue_ms = 2000;
constexpr std::size_t overdue_items_max = 16;
// Until a peer that did not keep the version is asked again.
constexpr std::int64_t refused_ms = 2000;

} // namespace

// --- peers come and go -----------------------------------------------------------------------

void Fetch::on_peer_up(const PublicKey& peer, TimeMs now) {
    const auto [at, fresh] = peers_.try_emplace(peer);
    if (fresh) {
        at->second.order = next_order_++;
        ask_all(now);
    }
}

void Fetch::on_peer_down(const PublicKey& peer, TimeMs now) {
    drop_peer(peer);
    ask_all(now);
}

void Fetch::drop_peer(const PublicKey& key) {
    const auto peer = peers_.find(key);
    if (peer == peers_.end()) {
        return;
    }
    drop_assembly(peer->second);
    peers_.erase(peer);
    for (auto asked = asked_.begin(); asked != asked_.end();) {
        if (asked->second.peer == key) {
            for (const WorkPtr& work : asked->second.works) {
                put_back(work);
            }
            asked = asked_.erase(asked);
        } else {
            ++asked;
        }
    }
}

void Fetch::penalise(const PublicKey& key, std::string reason) {
    effects_.emplace_back(Penalise{key, std::move(reason)});
    drop_peer(key);
}

void Fetch::refuse(Peer& peer, TimeMs now) {
    peer.refused = true;
    peer.away_until = now + refused_ms;
}

void Fetch::drop_assembly(Peer& peer) {
    if (peer.assembly) {
        const WorkPtr work = peer.assembly->work;
        peer.assembly.reset();
        put_back(work);
    }
}

// One peer less has it.
void Fetch::put_back(const WorkPtr& work) {
    HP_CHECK(work->asked > 0, "only what was asked for comes back");
    if (--work->asked > 0 || work->done) {
        return;
    }
    if (work->file) {
        chunk_works_.push_front(work);
    } else if (work->large) {
        large_works_.push_back(work);
    } else {
        description_works_.push_back(work);
    }
}

// --- answers and silence ---------------------------------------------------------------------

void Fetch::on_answer(const PublicKey& key, ByteView message, TimeMs now) {
    const auto peer = peers_.find(key);
    if (peer == peers_.end() || failure_) {
        return;
    }
    progress_.bytes_received += message.size();
    auto answer = decode_answer(message);
    if (!answer) {
        penalise(key, answer.err().context);
        ask_all(now);
        return;
    }
    const auto found = asked_.find(answer->id);
    if (found == asked_.end() || found->second.peer != key) {
        return; // too late: it has been asked for elsewhere
    }
    const Asked asked = std::move(found->second);
    asked_.erase(found);
    --peer->second.in_flight;
    peer->second.timeouts = 0;
    if (auto taken = take_answer(peer->second, asked, *answer, now); !taken) {
        penalise(key, taken.err().context);
    }
    ask_all(now);
}

Status Fetch::take_answer(Peer& peer, const Asked& asked, Answer& answer, TimeMs now) {
    Status status;
    if (answer.items.size() > asked.works.size()) {
        status = fail(Errc::invalid, "more items than asked for");
    }
    if (answer.items.empty()) {
        refuse(peer, now);
    } else if (status) {
        peer.refused = false;
    }
    for (std::size_t i = 0; i < asked.works.size(); ++i) {
        const WorkPtr& work = asked.works[i];
        if (status && i < answer.items.size()) {
            if (answer.items[i].here) {
                status = take_item(peer, work, answer.items[i]);
            } else {
                refuse(peer, now);
            }
        }
        const bool lost = i >= answer.items.size() || !answer.items[i].here;
        if (lost && peer.assembly && peer.assembly->work == work) {
            drop_assembly(peer);
        }
        put_back(work);
    }
    return status;
}

void Fetch::on_tick(TimeMs now) {
    for (auto at = asked_.begin(); at != asked_.end();) {
        const Asked& asked = at->second;
        if (now - asked.at < limits::sync_timeout_ms) {
            ++at;
            continue;
        }
        Peer& peer = peers_.at(asked.peer);
        --peer.in_flight;
        if (++peer.timeouts >= limits::sync_timeouts_max) {
            peer.timeouts = 0;
            peer.away_until = now + limits::sync_pause_ms;
        }
        for (const WorkPtr& work : asked.works) {
            if (peer.assembly && peer.assembly->work == work) {
                drop_assembly(peer);
            }
            put_back(work);
        }
        at = asked_.erase(at);
    }
    ask_all(now);
}

// --- asking ----------------------------------------------------------------------------------

// In turns, so that nobody gets everything.
void Fetch::ask_all(TimeMs now) {
    if (failure_) {
        return;
    }
    std::vector<PeerMap::value_type*> order;
    for (auto& peer : peers_) {
        order.push_back(&peer);
    }
    std::ranges::sort(order, {}, [](const auto* peer) { return peer->second.order; });
    for (bool any = true; any;) {
        any = false;
        for (auto* peer : order) {
            any = ask(peer->first, peer->second, now) || any;
        }
    }
}

bool Fetch::ask(const PublicKey& key, Peer& peer, TimeMs now) {
    if (peer.in_flight >= limits::sync_requests_per_peer_max || now < peer.away_until) {
        return false;
    }
    if (continue_assembly(key, peer, now)) {
        return true;
    }
    std::vector<WorkPtr> works = take_works();
    if (works.empty() && peer.in_flight == 0) {
        works = take_overdue(key, now);
    }
    if (works.empty()) {
        return false;
    }
    send(key, peer, std::move(works), now);
    return true;
}

// A liar could have any description look large: this bounds the memory for it.
bool Fetch::may_assemble() const {
    constexpr std::ptrdiff_t assemblies_max = 2;
    return std::ranges::count_if(peers_, [](const auto& peer) {
               return peer.second.assembly.has_value();
           }) < assemblies_max;
}

// The next parts of what this peer describes come before anything else.
bool Fetch::continue_assembly(const PublicKey& key, Peer& peer, TimeMs now) {
    if (peer.assembly && peer.assembly->work->done) {
        drop_assembly(peer);
    }
    if (!peer.assembly && !large_works_.empty() && may_assemble()) {
        peer.assembly = Assembly{large_works_.back(), 0, {}};
        large_works_.pop_back();
        ++peer.assembly->work->asked;
    }
    if (!peer.assembly) {
        return false;
    }
    const WorkPtr& work = peer.assembly->work;
    const bool asked = std::ranges::any_of(asked_, [&key, &work](const auto& request) {
        return request.second.peer == key && request.second.works.front() == work;
    });
    if (!asked) {
        send(key, peer, {work}, now);
    }
    return !asked;
}

std::vector<Fetch::WorkPtr> Fetch::take_works() {
    std::vector<WorkPtr> out;
    std::size_t bytes = 0;
    std::size_t path_bytes = 0;
    const auto fits = [&](const Work& work, std::size_t more) {
        return out.empty() || (out.size() < limits::sync_items_max &&
                               bytes + more <= limits::sync_answer_bytes_max &&
                               path_bytes + work.path.size() <= request_path_bytes_max);
    };
    const auto take = [&](WorkPtr work, std::size_t more) {
        bytes += more;
        path_bytes += work->path.size();
        out.push_back(std::move(work));
    };
    while (!chunk_works_.empty()) {
        const WorkPtr work = chunk_works_.front();
        const std::uint64_t end = std::min<std::uint64_t>(
            work->file->size, std::uint64_t{work->first + work->count} * chunk_bytes);
        const auto more = static_cast<std::size_t>(end - std::uint64_t{work->first} * chunk_bytes);
        if (!fits(*work, more)) {
            break;
        }
        chunk_works_.pop_front();
        take(work, more);
    }
    while (!description_works_.empty() &&
           fits(*description_works_.back(), description_bytes_guess)) {
        const WorkPtr work = description_works_.back();
        description_works_.pop_back();
        take(work, description_bytes_guess);
    }
    return out;
}

std::vector<Fetch::WorkPtr> Fetch::take_overdue(const PublicKey& key, TimeMs now) {
    std::vector<WorkPtr> out;
    for (const auto& [id, asked] : asked_) {
        if (asked.peer == key) {
            continue;
        }
        const auto& assembly = peers_.at(asked.peer).assembly;
        for (const WorkPtr& work : asked.works) {
            const int holders = assembly && assembly->work == work ? 2 : 1;
            if (!work->done && work->asked == holders && now - work->asked_ms >= overdue_ms &&
                out.size() < overdue_items_max) {
                out.push_back(work);
            }
        }
    }
    return out;
}

void Fetch::send(const PublicKey& key, Peer& peer, std::vector<WorkPtr> works, TimeMs now) {
    Request request;
    request.id = next_id_++;
    request.version = target_;
    for (const WorkPtr& work : works) {
        request.items.push_back(item_of(*work, peer));
        if (work->asked++ == 0) {
            work->asked_ms = now;
        }
    }
    ++peer.in_flight;
    asked_.emplace(request.id, Asked{key, std::move(works), now});
    effects_.emplace_back(SendRequest{key, std::move(request)});
}

RequestItem Fetch::item_of(const Work& work, const Peer& peer) const {
    RequestItem item;
    item.path = work.path;
    item.hash = work.hash;
    if (work.file) {
        item.kind = RequestItem::Kind::chunks;
        item.first = work.first;
        item.count = work.count;
    } else if (peer.assembly && peer.assembly->work.get() == &work) {
        item.first = static_cast<std::uint32_t>(peer.assembly->bytes.size() / part_bytes);
        item.count = parts_per_item_max;
    }
    return item;
}

} // namespace hp::state::sync
