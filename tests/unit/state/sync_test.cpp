// SPDX-License-Identifier: Apache-2.0
// State sync from end to end: real stores serve, a real staging tree is filled and taken over. Some
// peers lie in every way there is, keep silent, or have lost the version.
#include <catch2/catch.hpp>

#include "hp/crypto/blake3.hpp"
#include "sync_support.hpp"

using namespace hp;
using namespace hp::state;
using namespace hp::state::test;

namespace {

using State = sync::Fetch::State;

// A node with a state worth fetching.
class Source : public ReadyStore {
public:
    explicit Source(std::uint64_t seed = 1) {
        RandomChanges(live(), seed).change(40);
        for (int i = 0; i < 300; ++i) {
            put_file(live() / ("small-" + std::to_string(i)), "content " + std::to_string(i));
        }
        put_file(live() / "large", std::string(3'000'000, 'l'));
        put_at(live() / "large", 1'000'000, "here it differs");
        put_at(live() / "sparse", 5'000'000, "the end");
        put_file(patch(), "{\"agreed\":true}");
        commit();
    }
};

void expect_same(const ReadyStore& to, const ReadyStore& from) {
    REQUIRE(to.store->roots() == from.store->roots());
    REQUIRE(difference(snapshot(to.live()), snapshot(from.live())).empty());
    REQUIRE(difference(snapshot(to.base()), snapshot(from.live())).empty());
    REQUIRE(get_file(to.patch()) == get_file(from.patch()));
    REQUIRE(hash_tree(to.base())->hex() == from.store->roots().state.hex());
}

void take_over(ReadyStore& node, const ReadyStore& from) {
    const auto adopted = node.store->adopt(from.seq, from.store->roots());
    INFO((adopted ? std::string() : adopted.err().context));
    REQUIRE(adopted);
    REQUIRE(*adopted);
    node.seq = from.seq;
}

void expect_works(ReadyStore& node) {
    put_file(node.live() / "after", "a run after the sync");
    node.commit();
    const Roots roots = node.store->roots();
    node.restart();
    REQUIRE(node.store->roots() == roots);
}

} // namespace

TEST_CASE("an empty node fetches a state from several peers at once and goes on from it") {
    const Source source;
    ReadyStore node;
    SyncRun run(node.root);
    for (std::uint8_t i = 1; i <= 3; ++i) {
        run.add(i, honest(*source.store));
    }
    run.start(source.store->roots(), trees_of(*node.store));
    REQUIRE(run.run() == State::complete);
    CHECK(run.penalised.empty());
    CHECK(run.requests.size() == 3);
    CHECK(run.progress().entries_done == run.progress().entries_known);
    CHECK(run.progress().bytes_done == run.progress().bytes_known);
    CHECK(run.progress().bytes_received < 1'500'000); // zstd: most of it is the same letter
    take_over(node, source);
    expect_same(node, source);
    CHECK_FALSE(fs::exists(node.root / "staging"));
    expect_works(node);
}

TEST_CASE("a node that is behind asks for what differs only") {
    Source source;
    ReadyStore node;
    SyncRun first(node.root);
    first.add(1, honest(*source.store));
    first.start(source.store->roots());
    REQUIRE(first.run() == State::complete);
    take_over(node, source);

    put_at(source.live() / "large", 2'000'000, "one chunk");
    fs::remove(source.live() / "small-7");
    fs::rename(source.live() / "small-8", source.live() / "small-8b");
    fs::create_directory(source.live() / "small-9d");
    fs::remove(source.live() / "small-10");
    fs::create_symlink("small-11", source.live() / "small-10");
    fs::resize_file(source.live() / "sparse", 70'000);
    source.commit();
    SyncRun second(node.root);
    second.add(1, honest(*source.store));
    second.start(source.store->roots(), trees_of(*node.store));
    REQUIRE(second.run() == State::complete);
    CHECK(second.progress().bytes_received < 60'000); // mostly the list of the 300 files
    take_over(node, source);
    expect_same(node, source);
    expect_works(node);
}

TEST_CASE("what the own state does not really hold is fetched after all") {
    const Source source;
    ReadyStore node;
    SyncRun first(node.root);
    first.add(1, honest(*source.store));
    first.start(source.store->roots());
    REQUIRE(first.run() == State::complete);
    take_over(node, source);
    const Trees own = trees_of(*node.store);
    put_at(node.base() / "large", 70'000, "damage"); // same size, other content
    fs::remove(node.base() / "small-3");
    fs::remove(node.base() / "small-4");
    fs::create_directory(node.base() / "small-4");

    SECTION("the whole tree") {
        SyncRun second(node.root);
        second.add(1, honest(*source.store));
        second.start(source.store->roots(), own);
        REQUIRE(second.run() == State::complete);
        CHECK(second.progress().entries_done == second.progress().entries_known);
    }
    SECTION("single chunks") {
        ReadyStore other;
        fs::remove_all(other.live());
        copy_tree(source.live(), other.live());
        put_at(other.live() / "large", 2'900'000, "new");
        fs::copy_file(source.patch(), other.patch(), fs::copy_options::overwrite_existing);
        other.commit();
        SyncRun second(node.root);
        second.add(1, honest(*other.store));
        second.start(other.store->roots(), own);
        REQUIRE(second.run() == State::complete);
        CHECK(second.progress().bytes_done == second.progress().bytes_known);
        REQUIRE(hash_tree(node.root / "staging" / "state")->hex() ==
                other.store->roots().state.hex());
        return;
    }
    REQUIRE(hash_tree(node.root / "staging" / "state")->hex() == source.store->roots().state.hex());
}

// --- bad peers -------------------------------------------------------------------------------

namespace {

struct Lie {
    const char* name;
    std::function<void(sync::Answer&)> tell;
};

const std::vector<Lie>& lies() {
    static const std::vector<Lie> all = {
        {"a flipped bit",
         [](sync::Answer& answer) {
             for (sync::AnswerItem& item : answer.items) {
                 if (!item.content.empty()) {
                     item.content.back() ^= 1;
                 }
             }
         }},
        {"content cut short",
         [](sync::Answer& answer) {
             for (sync::AnswerItem& item : answer.items) {
                 item.content.resize(item.content.size() / 2);
             }
         }},
        {"more content than asked for",
         [](sync::Answer& answer) {
             for (sync::AnswerItem& item : answer.items) {
                 item.content.push_back(0);
             }
         }},
        {"more items than asked for",
         [](sync::Answer& answer) {
             answer.items.resize(limits::sync_items_max, sync::AnswerItem{true, 0, {}});
         }},
        {"a description of enormous length",
         [](sync::Answer& answer) {
             for (sync::AnswerItem& item : answer.items) {
                 item.total = UINT64_MAX;
             }
         }},
        {"a file where a directory was", // of the right form, with the wrong hash
         [](sync::Answer& answer) {
             for (sync::AnswerItem& item : answer.items) {
                 item.content = file_description(true, 0, {});
                 item.total = item.content.size();
             }
         }},
        {"items in another order",
         [](sync::Answer& answer) {
             std::reverse(answer.items.begin(), answer.items.end());
             if (answer.items.size() == 1) {
                 answer.items.front().content.assign(answer.items.front().content.size(), 7);
             }
         }},
    };
    return all;
}

} // namespace

TEST_CASE("peers that lie are found out and dropped, and the others do the work") {
    const Source source;
    const Lie& lie = lies()[GENERATE(range<std::size_t>(0, 7))];
    INFO(lie.name);
    ReadyStore node;
    SyncRun run(node.root);
    run.add(1, changed(*source.store, lie.tell)); // asked first
    run.add(2, honest(*source.store));
    run.add(3, changed(*source.store, lie.tell));
    run.start(source.store->roots());
    REQUIRE(run.run() == State::complete);
    CHECK(run.penalised.size() == 2);
    CHECK(std::ranges::count(run.penalised, peer_key(2)) == 0);
    take_over(node, source);
    expect_same(node, source);
}

TEST_CASE("a liar that tells the truth for a while costs only what it lied about") {
    const Source source;
    ReadyStore node;
    SyncRun run(node.root);
    int truths = 4;
    run.add(1, changed(*source.store, [&truths](sync::Answer& answer) {
                if (--truths < 0 && !answer.items.empty()) {
                    answer.items.back().content.assign(answer.items.back().content.size(), 9);
                }
            }));
    run.add(2, honest(*source.store));
    run.start(source.store->roots());
    REQUIRE(run.run() == State::complete);
    CHECK(run.penalised == std::vector<PublicKey>{peer_key(1)});
    take_over(node, source);
    expect_same(node, source);
}

TEST_CASE("garbage in place of an answer is penalised, silence only waited for") {
    const Source source;
    ReadyStore node;
    SyncRun run(node.root);
    run.add(1, [](ByteView) { return std::optional(Bytes(100, 0xAA)); });
    run.add(2, [](ByteView) { return std::optional<Bytes>(); });
    run.add(3, honest(*source.store));
    run.start(source.store->roots());
    REQUIRE(run.run() == State::complete);
    CHECK(run.penalised == std::vector<PublicKey>{peer_key(1)});
    CHECK(run.now() < 60'000);
    take_over(node, source);
    expect_same(node, source);
}

namespace {

enum class Stale : std::uint8_t { descriptions, chunks };

// Gives what was there in the version `old`, whatever version it is asked for.
Behaviour stale(const Store& store, const Roots& old, Stale which) {
    return [tell = honest(store), reader = std::make_shared<VersionReader>(store.versions()), old,
            which](ByteView bytes) {
        auto request = sync::decode_request(bytes);
        REQUIRE(request);
        REQUIRE(reader->select(old));
        const auto wanted = which == Stale::chunks ? sync::RequestItem::Kind::chunks
                                                   : sync::RequestItem::Kind::description;
        if (request->items.front().kind == wanted) {
            request->version = old;
            for (sync::RequestItem& item : request->items) {
                if (const EntryPtr entry = reader->find(item.path)) {
                    item.hash = entry->hash;
                }
            }
        }
        return tell(sync::encode_request(*request));
    };
}

// A state, and what it was a ledger before: the same files, some with other content.
struct Changing {
    Source source;
    Roots old = source.store->roots();

    Changing() {
        put_at(source.live() / "large", 70'000, "of the newer ledger");
        for (int i = 0; i < 300; ++i) {
            put_file(source.live() / ("small-" + std::to_string(i)), "newer " + std::to_string(i));
        }
        source.commit();
    }
};

} // namespace

TEST_CASE("who serves the state of an earlier ledger is found out, and the others do the work") {
    const Changing state;
    const Source& source = state.source;
    const Stale which = GENERATE(Stale::descriptions, Stale::chunks);
    ReadyStore node;
    SyncRun run(node.root);
    run.add(1, stale(*source.store, state.old, which)); // asked first
    run.add(2, honest(*source.store));
    run.start(source.store->roots());
    REQUIRE(run.run() == State::complete);
    CHECK(run.penalised == std::vector<PublicKey>{peer_key(1)});
    take_over(node, source);
    expect_same(node, source);
    expect_works(node);
}

TEST_CASE("with nobody but peers of an earlier ledger there is no state at all") {
    const Changing state;
    const Source& source = state.source;
    ReadyStore node;
    const Roots before = node.store->roots();
    SyncRun run(node.root);
    run.add(1, stale(*source.store, state.old, Stale::descriptions));
    run.add(2, stale(*source.store, state.old, Stale::chunks));
    run.start(source.store->roots());
    CHECK(run.run() != State::complete);
    CHECK(run.penalised.size() == 2);
    const auto adopted = node.store->adopt(source.seq, source.store->roots());
    CHECK((!adopted || !*adopted));
    CHECK(node.store->roots() == before);
}

TEST_CASE("an answer that was given before is as good as none") {
    const Source source;
    ReadyStore node;
    SyncRun run(node.root);
    run.add(1,
            [tell = honest(*source.store), first = std::optional<Bytes>()](ByteView asked) mutable {
                first = first ? first : tell(asked);
                return first;
            });
    run.add(2, honest(*source.store));
    run.start(source.store->roots());
    REQUIRE(run.run() == State::complete);
    CHECK(run.penalised.empty()); // it may only have been late
    take_over(node, source);
    expect_same(node, source);
}

TEST_CASE("with nobody who knows the state, nothing is done, and it is said") {
    const Source source;
    const ReadyStore stranger;
    ReadyStore node;
    const Snapshot before = snapshot(node.live());
    SyncRun run(node.root);
    SECTION("peers that keep other versions only: a newer target is needed") {
        run.add(1, honest(*stranger.store));
        run.add(2, honest(*stranger.store));
        run.start(source.store->roots());
        REQUIRE(run.run() == State::target_gone);
        CHECK(run.penalised.empty());
        run.retarget(stranger.store->roots());
        REQUIRE(run.run() == State::complete);
    }
    SECTION("one keeps it, the others do not") {
        run.add(1, honest(*stranger.store));
        run.add(2, honest(*source.store));
        run.add(3, honest(*stranger.store));
        run.start(source.store->roots());
        REQUIRE(run.run() == State::complete);
        CHECK(run.penalised.empty());
    }
    SECTION("liars only") {
        run.add(1, changed(*source.store, lies()[0].tell));
        run.start(source.store->roots());
        REQUIRE(run.run() == State::fetching);
        CHECK(run.penalised.size() == 1);
        CHECK_FALSE(node.store->adopt(1, source.store->roots()));
    }
    CHECK(difference(snapshot(node.live()), before).empty());
}

TEST_CASE("a certified state that breaks the rules is refused before anything is written") {
    const std::string name = GENERATE(as<std::string>(), "../../escape", "..", ".", "a/b", "/etc/x",
                                      "", std::string("nul\0nul", 7), std::string(256, 'x'));
    DirectoryHasher evil;
    evil.add(name, EntryType::file, false, hash_file(false, 0, {}));
    const Bytes description = evil.description();
    ReadyStore node;
    const Snapshot before = snapshot(node.outside());
    SyncRun run(node.root);
    run.add(1, [&description](ByteView request) {
        const auto asked = sync::decode_request(request);
        REQUIRE(asked);
        sync::Answer answer;
        answer.id = asked->id;
        for (std::size_t i = 0; i < asked->items.size(); ++i) {
            answer.items.push_back({true, description.size(), description});
        }
        return std::optional(sync::encode_answer(answer));
    });
    run.start(Roots{evil.finish(), {}});
    REQUIRE(run.run() == State::failed);
    CHECK(run.penalised.empty()); // not the peer's fault
    fs::remove_all(node.root / "staging");
    CHECK(difference(snapshot(node.outside()), before).empty());
}

TEST_CASE("what lies in staging already is never followed out of it") {
    const Source source;
    ReadyStore node;
    const fs::path staging = node.root / "staging";
    const fs::path outside = node.outside() / "outside";
    fs::create_directory(outside);
    put_file(outside / "precious", "precious");
    fs::create_directory(staging);
    SECTION("the state is a symlink") {
        fs::create_symlink(outside, staging / "state");
    }
    SECTION("staging itself is a symlink") {
        fs::remove(staging);
        fs::create_symlink(outside, staging);
    }
    SECTION("directories and files are symlinks and hard links") {
        fs::create_directory(staging / "state");
        fs::create_symlink(outside, staging / "state" / "data");
        fs::create_symlink(outside / "precious", staging / "state" / "small-1");
        fs::create_hard_link(outside / "precious", staging / "state" / "large");
        fs::create_symlink(outside / "precious", staging / "patch.cfg");
    }
    SyncRun run(node.root);
    run.add(1, honest(*source.store));
    run.start(source.store->roots());
    REQUIRE(run.run() == State::complete);
    take_over(node, source);
    expect_same(node, source);
    CHECK(get_file(outside / "precious") == "precious");
    CHECK(snapshot(outside).size() == 1);
}

// --- interruptions ---------------------------------------------------------------------------

TEST_CASE("a sync that was stopped goes on where it was") {
    const Source source;
    ReadyStore node;
    SyncRun run(node.root);
    run.add(1, honest(*source.store));
    run.start(source.store->roots());
    REQUIRE(run.run() == State::complete);
    const std::uint64_t whole = run.progress().bytes_received;
    const std::size_t answers = run.requests.at(peer_key(1));
    run.stop();
    fs::remove_all(node.root / "staging");

    std::uint64_t received = 0;
    for (std::size_t starts = 0; starts < 40; ++starts) {
        run.start(source.store->roots());
        const State state = run.run(answers / 3 + 1);
        received += run.progress().bytes_received;
        if (state == State::complete) {
            break;
        }
        REQUIRE(starts < 39);
        run.stop();
        put_file(node.root / "staging" / "state" / "stray", "left over"); // and garbage
    }
    CHECK(received < 2 * whole);
    take_over(node, source);
    expect_same(node, source);
}

TEST_CASE("the target may move on while it is fetched") {
    Source source;
    ReadyStore node;
    SyncRun run(node.root);
    run.add(1, honest(*source.store));
    run.start(source.store->roots());
    run.run(3);
    // So many runs that the first target is not kept any more.
    for (std::size_t i = 0; i <= limits::state_versions_max; ++i) {
        put_at(source.live() / "large", i * 40'000, "x");
        fs::remove(source.live() / ("small-" + std::to_string(i)));
        source.commit();
    }
    REQUIRE(run.run() == State::target_gone);
    run.retarget(source.store->roots());
    REQUIRE(run.run() == State::complete);
    take_over(node, source);
    expect_same(node, source);
}

TEST_CASE("an answer for the target of before is late, not a lie") {
    Source source;
    ReadyStore node;
    SyncRun run(node.root);
    run.add(1, honest(*source.store));
    run.start(source.store->roots());
    put_at(source.live() / "large", 70'000, "x");
    source.commit();
    run.retarget(source.store->roots()); // the first answers are still on their way
    REQUIRE(run.run() == State::complete);
    CHECK(run.penalised.empty());
    take_over(node, source);
    expect_same(node, source);
}

TEST_CASE("a version is served while newer ones are made") {
    Source source;
    const Roots target = source.store->roots();
    const Snapshot expected = snapshot(source.live());
    const std::string patch = get_file(source.patch());
    ReadyStore node;
    SyncRun run(node.root);
    run.add(1, honest(*source.store));
    run.start(target);
    RandomChanges changes(source.live(), 5);
    for (int i = 0; run.run(1) == State::fetching; ++i) {
        REQUIRE(i < 1000);
        if (i < 30) {
            changes.change(3);
            put_at(source.live() / "changing", static_cast<std::uint64_t>(i) * 100, "more");
            put_file(source.patch(), "{\"n\":" + std::to_string(i) + "}");
            source.commit();
        }
    }
    REQUIRE(run.client().state() == State::complete);
    REQUIRE(difference(snapshot(node.root / "staging" / "state"), expected).empty());
    REQUIRE(get_file(node.root / "staging" / "patch.cfg") == patch);
}

TEST_CASE("descriptions of many parts come from one peer at a time") {
    Source source;
    for (int i = 0; i < 2100; ++i) { // the directory takes 0.6 MB
        put_file(source.live() / (std::string(245, 'n') + std::to_string(i)), "");
    }
    put_at(source.live() / "huge", std::uint64_t{700} << 20, "end"); // 350 KB of hashes
    run_and_commit(*source.store, 2);
    ReadyStore node;
    SyncRun run(node.root);
    SECTION("an honest peer") {
        run.add(1, honest(*source.store));
    }
    SECTION("a liar in the second part") {
        run.add(1, changed(*source.store, [](sync::Answer& answer) {
                    for (sync::AnswerItem& item : answer.items) {
                        if (item.total > 0 && item.content.size() != sync::part_bytes) {
                            item.content.front() ^= 1;
                        }
                    }
                }));
        run.add(2, honest(*source.store));
    }
    SECTION("one that stops in the middle") {
        int left = 3;
        run.add(1, [&left, tell = honest(*source.store)](ByteView request) {
            return --left > 0 ? tell(request) : std::optional<Bytes>();
        });
        run.add(2, honest(*source.store));
        run.start(source.store->roots());
        REQUIRE(run.run() == State::complete);
        CHECK(run.penalised.empty());
        REQUIRE(hash_tree(node.root / "staging" / "state")->hex() ==
                source.store->roots().state.hex());
        return;
    }
    run.start(source.store->roots());
    REQUIRE(run.run() == State::complete);
    REQUIRE(hash_tree(node.root / "staging" / "state")->hex() == source.store->roots().state.hex());
}

// --- taking over -----------------------------------------------------------------------------

TEST_CASE("only the state that was certified is taken over, and not under a reader") {
    const Source source;
    ReadyStore node;
    node.commit();
    const Roots before = node.store->roots();
    SyncRun run(node.root);
    run.add(1, honest(*source.store));
    run.start(source.store->roots());
    REQUIRE(run.run() == State::complete);
    SECTION("another hash") {
        const auto adopted =
            node.store->adopt(9, Roots{before.state, source.store->roots().config});
        REQUIRE_FALSE(adopted);
        CHECK(adopted.err().code == Errc::corrupt);
    }
    SECTION("another patch.cfg") {
        const auto adopted = node.store->adopt(9, Roots{source.store->roots().state, {}});
        REQUIRE_FALSE(adopted);
        CHECK(adopted.err().code == Errc::corrupt);
    }
    SECTION("changed after it was fetched") {
        put_at(node.root / "staging" / "state" / "large", 5, "!");
        const auto adopted = node.store->adopt(9, source.store->roots());
        REQUIRE_FALSE(adopted);
        CHECK(adopted.err().code == Errc::corrupt);
    }
    SECTION("a reader is inside") {
        {
            const auto pass = node.store->gate().enter();
            const auto adopted = node.store->adopt(9, source.store->roots());
            REQUIRE(adopted);
            CHECK_FALSE(*adopted);
            CHECK(node.store->roots() == before);
        }
        node.seq = 9;
        REQUIRE(*node.store->adopt(9, source.store->roots()));
        expect_same(node, source);
        expect_works(node);
        return;
    }
    CHECK(node.store->roots() == before);
    node.seq = 1;
    expect_works(node);
}

TEST_CASE("a node whose own run went wrong gets the agreed result of the same ledger") {
    Source source;
    ReadyStore node;
    SyncRun first(node.root);
    first.add(1, honest(*source.store));
    first.start(source.store->roots());
    REQUIRE(first.run() == State::complete);
    take_over(node, source);
    put_file(source.live() / "result", "agreed");
    source.commit();
    put_file(node.live() / "result", "wrong");
    node.commit();
    REQUIRE(node.seq == source.seq);
    SyncRun second(node.root);
    second.add(1, honest(*source.store));
    second.start(source.store->roots(), trees_of(*node.store));
    REQUIRE(second.run() == State::complete);
    take_over(node, source);
    expect_same(node, source);
    node.restart();
    expect_same(node, source);
}
