// SPDX-License-Identifier: Apache-2.0
// A node that is killed before any file operation of a state sync or of taking its result over: it
// then has the old state or the new one, whole, and the sync goes on where it was.
#include <csignal>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sync_support.hpp"

using namespace hp;
using namespace hp::state;
using namespace hp::state::test;

namespace {

constexpr LedgerSeq target_seq = 5;

// No test macros: runs in a child, and a failure must show as its exit code.
bool sync_and_adopt(const fs::path& root, const Store& source, const std::function<void()>& step) {
    auto opened = open_plain_store(root, Log(), StoreOptions{step});
    if (!opened || !(*opened)->recover(target_seq)) {
        return false;
    }
    Store& store = **opened;
    if (store.roots() == source.roots()) {
        return true;
    }
    const os::Fd dir(open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    sync::Server server(source.versions());
    std::deque<Bytes> answers;
    bool served = true;
    sync::Client::Callbacks callbacks;
    callbacks.send = [&](const PublicKey&, const Bytes& request) {
        auto answer = server.answer(request);
        served = served && answer;
        if (answer) {
            answers.push_back(std::move(*answer));
        }
    };
    callbacks.penalise = [&served](const PublicKey&, const std::string&) { served = false; };
    auto client = sync::Client::start(dir.get(), FileOps(step), source.roots(), trees_of(store),
                                      callbacks, Log());
    if (!client || !client->on_peer_up(peer_key(1), 0)) {
        return false;
    }
    while (served && !answers.empty() && client->state() == sync::Fetch::State::fetching) {
        const Bytes answer = std::move(answers.front());
        answers.pop_front();
        if (!client->on_answer(peer_key(1), answer, 0)) {
            return false;
        }
    }
    if (client->state() != sync::Fetch::State::complete) {
        return false;
    }
    const auto adopted = store.adopt(target_seq, source.roots());
    return adopted && *adopted;
}

bool killed_at(std::uint64_t k, const fs::path& root, const Store& source) {
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        std::uint64_t count = 0;
        const bool done = sync_and_adopt(root, source, [&count, k] {
            if (++count == k) {
                raise(SIGKILL);
            }
        });
        _exit(done ? 0 : 1);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    if (WIFSIGNALED(status)) {
        REQUIRE(WTERMSIG(status) == SIGKILL);
        return true;
    }
    REQUIRE(WEXITSTATUS(status) == 0);
    return false;
}

struct Picture {
    Snapshot state;
    std::string patch;
    bool operator==(const Picture&) const = default;
};

Picture picture(const fs::path& view) {
    return Picture{snapshot(view / "state"), get_file(view / "patch.cfg")};
}

// Two nodes that were the same once.
class Pair {
public:
    Pair() {
        source.commit();
        fs::copy(source.root, node.path() / "node",
                 fs::copy_options::recursive | fs::copy_options::copy_symlinks);
        put_at(source.live() / "data" / "big", 100'000, "changed");
        fs::remove_all(source.live() / "data" / "deep");
        fs::create_symlink("contract", source.live() / "data" / "deep");
        put_file(source.live() / "new", std::string(200'000, 'n'));
        put_file(source.patch(), "{\"new\":1}");
        source.seq = target_seq - 1;
        source.commit();
        // The node has a run of its own, not yet in base/, when it learns that it was wrong.
        const auto store = open_ready(node.path() / "node", 1);
        put_file(node.path() / "node" / "seed" / "state" / "wrong", "wrong");
        capture_now(*store);
        REQUIRE(store->commit(2, as_bytes("wrong")));
        old = picture(node.path() / "node" / "seed");
    }

    ReadyStore source;
    TempDir node;
    Picture old;
};

} // namespace

TEST_CASE("a sync may be killed before any file operation, each time afresh") {
    Pair pair;
    const Picture fresh = picture(pair.source.root / "seed");
    const fs::path root = pair.node.path() / "run";
    bool killed = true;
    bool adopted_before = false;
    for (std::uint64_t k = 1; killed; ++k) {
        INFO("killed before change " << k);
        copy_tree(pair.node.path() / "node", root);
        killed = killed_at(k, root, *pair.source.store);
        {
            const auto store = open_ready(root, target_seq);
            const Picture now = picture(root / "seed");
            REQUIRE((now == pair.old || now == fresh));
            REQUIRE((picture(root / "base") == now));
            const bool adopted = now == fresh;
            REQUIRE((adopted || !adopted_before)); // a later crash loses nothing
            adopted_before = adopted;
            REQUIRE_FALSE(fs::exists(root / "adopt"));
            REQUIRE_FALSE(fs::exists(root / "base.old"));
        }
        REQUIRE_FALSE(killed_at(UINT64_MAX, root, *pair.source.store));
        REQUIRE((picture(root / "seed") == fresh));
        fs::remove_all(root);
        REQUIRE(k < 2000);
    }
    CHECK(adopted_before);
}

TEST_CASE("a sync gets through although it is killed again and again") {
    Pair pair;
    const fs::path root = pair.node.path() / "node";
    bool killed = true;
    for (std::uint64_t k = 1; killed; ++k) {
        killed = killed_at(k, root, *pair.source.store);
        REQUIRE(k < 2000);
    }
    REQUIRE((picture(root / "seed") == picture(pair.source.root / "seed")));
    REQUIRE((picture(root / "base") == picture(pair.source.root / "seed")));
}
