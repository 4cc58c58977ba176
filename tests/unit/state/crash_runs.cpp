// SPDX-License-Identifier: Apache-2.0
#include "crash_runs.hpp"

#include <catch2/catch.hpp>
#include <fcntl.h>

namespace hp::state::test {
namespace {

fs::path live_of(const fs::path& root) {
    return root / "seed" / "state";
}

// What run `seq` does to the state: every kind of change, each run building on the one before.
void do_run(const fs::path& root, LedgerSeq seq) {
    const fs::path state = live_of(root);
    switch (seq) {
    case 1:
        put_file(state / "one", std::string(200'000, '1'));
        break;
    case 2:
        put_at(state / "one", 70'000, "two");
        fs::create_directory(state / "swap");
        put_file(state / "swap" / "inner", "inner");
        put_file(root / "seed" / "patch.cfg", "{\"run\":2}");
        break;
    case 3:
        put_at(state / "data" / "big", 131'072, "three");
        fs::remove_all(state / "swap");
        put_file(state / "swap", "now a file");
        fs::rename(state / "data" / "deep", state / "deeper");
        set_mode(state / "contract", 0644);
        break;
    case 4:
        fs::remove(state / "swap");
        fs::create_symlink("one", state / "swap");
        fs::resize_file(state / "one", 65'536);
        put_file(root / "seed" / "patch.cfg", "{\"run\":4}");
        break;
    case 5:
        fs::remove(state / "swap");
        fs::create_directories(state / "swap" / "a" / "b");
        put_file(state / "swap" / "a" / "b" / "c", std::string(100'000, '\0'));
        fs::remove_all(state / "deeper");
        break;
    default:
        fs::resize_file(state / "one", 400'000);
        put_at(state / "one", 390'000, "six");
        fs::remove_all(state / "swap" / "a");
        fs::create_hard_link(state / "one", state / "swap" / "one");
        break;
    }
}

std::string record_of(LedgerSeq seq) {
    return "record " + std::to_string(seq);
}

} // namespace

Picture picture(const fs::path& view) {
    return Picture{snapshot(view / "state"), get_file(view / "patch.cfg")};
}

void prepare_runs(const fs::path& root) {
    make_contract_fs(root);
    const auto store = open_ready(root, 0);
    for (LedgerSeq seq = 1; seq < first_seq; ++seq) {
        do_run(root, seq);
        run_and_commit(*store, seq);
    }
}

bool do_runs(const fs::path& root, const std::function<void()>& step,
             volatile LedgerSeq* reported) {
    auto opened = open_plain_store(root, Log(), StoreOptions{step});
    if (!opened || !(*opened)->recover(first_seq - 1)) {
        return false;
    }
    Store& store = **opened;
    for (LedgerSeq seq = first_seq; seq <= last_seq; ++seq) {
        put_file(live_of(root) / "half", "a run that is given up");
        fs::remove(live_of(root) / "one");
        CaptureStats stats;
        if (!store.discard()) {
            return false;
        }
        do_run(root, seq);
        if (!store.capture(stats) || !store.commit(seq, as_bytes(record_of(seq)))) {
            return false;
        }
        if (reported != nullptr) {
            *reported = seq;
        }
        // Let deltas pile up, be applied together, and be cleared with one left over.
        if (seq % 2 == 0 && (!store.apply_pending() || !store.checkpoint(seq - 1))) {
            return false;
        }
    }
    return true;
}

std::map<LedgerSeq, Picture> expected_pictures(const fs::path& root) {
    std::map<LedgerSeq, Picture> out;
    make_contract_fs(root);
    const auto store = open_ready(root, 0);
    for (LedgerSeq seq = 1; seq <= last_seq; ++seq) {
        do_run(root, seq);
        run_and_commit(*store, seq);
        out[seq] = picture(root / "seed");
    }
    return out;
}

void check_recovered(const fs::path& root, const std::map<LedgerSeq, Picture>& expected,
                     LedgerSeq& newest) {
    auto store = open_store(root, Log());
    REQUIRE(store);
    const auto recovered = (*store)->recover(last_seq);
    INFO((recovered ? std::string() : recovered.err().context));
    REQUIRE(recovered);
    REQUIRE(recovered->committed_seq >= newest); // a later crash never loses an earlier commit
    newest = recovered->committed_seq;
    REQUIRE(expected.contains(newest));
    REQUIRE(difference(snapshot(root / "seed" / "state"), expected.at(newest).state).empty());
    REQUIRE((picture(root / "seed") == expected.at(newest)));
    REQUIRE((picture(root / "base") == expected.at(newest)));
    REQUIRE((recovered->record.empty() || to_text(recovered->record) == record_of(newest)));
    REQUIRE(hash_tree(root / "seed" / "state")->hex() == (*store)->roots().state.hex());
}

// --- state sync ------------------------------------------------------------------------------

bool sync_and_adopt(const fs::path& root, const Store& source, const std::function<void()>& step,
                    volatile LedgerSeq* reported) {
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
    if (adopted && *adopted && reported != nullptr) {
        *reported = target_seq;
    }
    return adopted && *adopted;
}

SyncPair::SyncPair() {
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

} // namespace hp::state::test
