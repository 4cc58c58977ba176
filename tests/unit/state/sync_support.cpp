// SPDX-License-Identifier: Apache-2.0
#include "sync_support.hpp"

#include <catch2/catch.hpp>
#include <fcntl.h>

#include "state/versions.hpp"

namespace hp::state::test {

PublicKey peer_key(std::uint8_t number) {
    PublicKey key;
    key.data[0] = key_prefix;
    key.data[1] = number;
    return key;
}

Behaviour honest(const Store& store) {
    return [server = std::make_shared<sync::Server>(store.versions())](ByteView request) {
        auto answer = server->answer(request);
        REQUIRE(answer);
        return std::optional(std::move(*answer));
    };
}

Behaviour changed(const Store& store, std::function<void(sync::Answer&)> change) {
    return [tell = honest(store), change = std::move(change)](ByteView request) {
        auto answer = sync::decode_answer(*tell(request));
        REQUIRE(answer);
        change(*answer);
        return std::optional(sync::encode_answer(*answer));
    };
}

Trees trees_of(const Store& store) {
    const Version head = store.versions().list()->back();
    return Trees{head.state, head.patch};
}

SyncRun::SyncRun(const fs::path& contract_fs)
    : contract_fs_(open(contract_fs.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    REQUIRE(contract_fs_);
}

void SyncRun::check(const Status& status) {
    INFO((status ? std::string() : status.err().context));
    REQUIRE(status);
}

void SyncRun::add(std::uint8_t number, Behaviour behaviour) {
    peers_[peer_key(number)] = std::move(behaviour);
}

void SyncRun::start(const Roots& target, const Trees& own, const std::function<void()>& step) {
    sync::Client::Callbacks callbacks;
    callbacks.send = [this](const PublicKey& peer, const Bytes& request) {
        ++requests[peer];
        if (auto answer = peers_.at(peer)(request)) {
            answers_.push_back({peer, std::move(*answer)});
        }
    };
    callbacks.penalise = [this](const PublicKey& peer, const std::string&) {
        penalised.push_back(peer);
    };
    answers_.clear();
    auto client = sync::Client::start(contract_fs_.get(), FileOps(step), target, own,
                                      std::move(callbacks), Log());
    INFO((client ? std::string() : client.err().context));
    REQUIRE(client);
    client_.emplace(std::move(*client));
    for (const auto& [key, behaviour] : peers_) {
        check(client_->on_peer_up(key, now_));
    }
}

void SyncRun::retarget(const Roots& target, const Trees& own) {
    check(client_->retarget(target, own, now_));
}

sync::Fetch::State SyncRun::run(std::size_t answers_max) {
    const TimeMs end = now_ + 600'000;
    while (client_->state() == sync::Fetch::State::fetching && answers_max > 0 && now_ < end) {
        if (answers_.empty()) {
            now_ += 500;
            check(client_->on_tick(now_));
            continue;
        }
        const Answered next = std::move(answers_.front());
        answers_.pop_front();
        check(client_->on_answer(next.peer, next.bytes, now_));
        --answers_max;
    }
    return client_->state();
}

} // namespace hp::state::test
