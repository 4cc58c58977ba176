// SPDX-License-Identifier: Apache-2.0
// State sync as a hostile cluster would do it (docs/protocol/state.md): the fuzzer chooses what is
// certified, so its descriptions have the right hashes whatever they say, and what peers answer.
// Nothing outside the staging directory may be touched, and what is complete must hash as promised.
#include "fuzz_input.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <fcntl.h>

#include "hp/base/check.hpp"
#include "hp/crypto/blake3.hpp"
#include "state/sync/client.hpp"

namespace {

using namespace hp;
using namespace hp::state;
namespace fs = std::filesystem;

constexpr std::string_view precious = "must stay as it is";
constexpr int answers_max = 40;

// Where a sync may write, and files around it that it could reach with ".." or a symlink.
class Ground {
public:
    Ground() {
        const char* base = std::getenv("TMPDIR");
        std::string name = std::string(base != nullptr ? base : "/tmp") + "/hp-fuzz-sync-XXXXXX";
        HP_CHECK(mkdtemp(name.data()) != nullptr, "a scratch directory");
        top_ = name;
        reset();
    }
    ~Ground() {
        std::error_code ignored;
        fs::remove_all(top_, ignored);
    }
    Ground(const Ground&) = delete;
    Ground& operator=(const Ground&) = delete;

    fs::path root() const { return top_ / "contract_fs"; }
    void clean() const { HP_CHECK(FileOps().remove_tree(AT_FDCWD, staging()), "removed"); }
    void check() const {
        for (const fs::path& file : canaries()) {
            std::ifstream in(file, std::ios::binary);
            const std::string content((std::istreambuf_iterator<char>(in)), {});
            HP_CHECK(content == precious, "a file outside staging was changed");
        }
        HP_CHECK(count(top_) == 2 && count(root()) == 3 && count(root() / "base") == 1,
                 "something was made or removed outside staging");
    }

private:
    std::string staging() const { return (root() / "staging").string(); }
    std::vector<fs::path> canaries() const {
        return {top_ / "canary", root() / "canary", root() / "base" / "canary"};
    }
    static std::size_t count(const fs::path& directory) {
        return static_cast<std::size_t>(
            std::distance(fs::directory_iterator(directory), fs::directory_iterator()));
    }
    void reset() const {
        fs::create_directories(root() / "base");
        for (const fs::path& file : canaries()) {
            std::ofstream(file, std::ios::binary) << precious;
        }
    }

    fs::path top_;
};

void check_codec(ByteView bytes) {
    if (const auto request = sync::decode_request(bytes)) {
        HP_CHECK(equal(sync::encode_request(*request), bytes), "requests have one form");
    }
    if (const auto answer = sync::decode_answer(bytes)) {
        HP_CHECK(sync::decode_answer(sync::encode_answer(*answer)).has_value(),
                 "what was decoded can be encoded");
    }
    if (const auto file = sync::decode_file(bytes)) {
        HP_CHECK(equal(file_description(file->executable, file->size, file->chunks), bytes),
                 "a file has one description");
    }
    if (const auto children = sync::decode_directory(bytes)) {
        DirectoryHasher hasher;
        for (const sync::ListedChild& child : *children) {
            hasher.add(child.name, child.type, child.executable, child.hash);
        }
        HP_CHECK(equal(hasher.description(), bytes), "a directory has one description");
    }
    if (const auto target = sync::decode_symlink(bytes)) {
        HP_CHECK(equal(symlink_description(*target), bytes), "a symlink has one description");
    }
}

// Content by the hash it has: the "certified" tree. Made from the leaves up, so that directories
// can list what was made before them under any name the fuzzer likes.
class World {
public:
    void make(fuzz::Input& in) {
        for (int i = 0; i < 12 && !in.empty(); ++i) {
            switch (in.u8() % 4) {
            case 0: {
                const ByteView content = in.block();
                make_file(in.u8() % 2 == 0, content);
                break;
            }
            case 1:
                add(symlink_description(as_text(in.block())), EntryType::symlink);
                break;
            case 2:
                make_directory(in);
                break;
            default: { // whatever it is
                const ByteView raw = in.block();
                add(Bytes(raw.begin(), raw.end()), static_cast<EntryType>(1 + in.u8() % 3));
                break;
            }
            }
        }
        if (entries_.empty() || entries_.back().type != EntryType::directory) {
            make_directory(in);
        }
    }

    Hash32 root() const { return entries_.back().hash; }
    const Bytes* find(const Hash32& hash) const {
        const auto found = content_.find(hash);
        return found == content_.end() ? nullptr : &found->second;
    }
    ByteView chunks(const Hash32& file) const {
        const auto found = chunks_.find(file);
        return found == chunks_.end() ? ByteView() : ByteView(found->second);
    }

private:
    struct Made {
        EntryType type;
        bool executable;
        Hash32 hash;
    };

    void add(Bytes description, EntryType type, bool executable = false) {
        const Hash32 hash = crypto::b3(description);
        content_[hash] = std::move(description);
        entries_.push_back({type, executable, hash});
    }

    void make_file(bool executable, ByteView content) {
        std::vector<Hash32> hashes(chunk_count(content.size()));
        if (!hashes.empty()) { // blocks are shorter than a chunk
            ChunkBuffer buffer;
            std::ranges::copy(content, buffer.data().begin());
            hashes[0] = buffer.hash(content.size());
        }
        add(file_description(executable, content.size(), hashes), EntryType::file, executable);
        chunks_[entries_.back().hash] = Bytes(content.begin(), content.end());
    }

    void make_directory(fuzz::Input& in) {
        DirectoryHasher hasher;
        const int count = in.u8() % 8;
        for (int i = 0; i < count && !entries_.empty(); ++i) {
            const Made child = entries_[in.u8() % entries_.size()];
            const ByteView name = in.bytes(in.u8() % 16);
            hasher.add(as_text(name), child.type, child.executable, child.hash);
        }
        add(hasher.description(), EntryType::directory);
    }

    std::vector<Made> entries_;
    std::map<Hash32, Bytes> content_;
    std::map<Hash32, Bytes> chunks_; // content of files by the file's hash
};

sync::Answer tell(const World& world, const sync::Request& request, fuzz::Input& in) {
    sync::Answer answer;
    answer.id = request.id;
    for (const sync::RequestItem& item : request.items) {
        sync::AnswerItem out;
        const Bytes* description = world.find(item.hash);
        if (item.kind == sync::RequestItem::Kind::chunks) {
            const ByteView content = world.chunks(item.hash);
            out = {true, 0, Bytes(content.begin(), content.end())};
        } else if (description != nullptr) {
            out = {true, description->size(), *description};
        }
        if (!in.empty() && in.u8() % 16 == 0) { // now and then a lie
            const ByteView lie = in.block();
            out = {in.u8() % 4 != 0, in.u8(), Bytes(lie.begin(), lie.end())};
            out.total = out.here ? out.total : 0;
            out.content.resize(out.here ? out.content.size() : 0);
        }
        answer.items.push_back(std::move(out));
    }
    return answer;
}

void sync_from(const Ground& ground, const World& world, fuzz::Input& in) {
    const os::Fd dir(open(ground.root().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    std::vector<std::pair<PublicKey, Bytes>> answers;
    sync::Client::Callbacks callbacks;
    callbacks.send = [&](const PublicKey& peer, const Bytes& request) {
        const auto asked = sync::decode_request(request);
        HP_CHECK(asked.has_value(), "requests are well formed");
        answers.emplace_back(peer, sync::encode_answer(tell(world, *asked, in)));
    };
    callbacks.penalise = [](const PublicKey&, const std::string&) {};
    const Roots target{world.root(), {}};
    auto client = sync::Client::start(dir.get(), FileOps(), target, {}, callbacks, Log());
    HP_CHECK(client.has_value(), "staging can be opened");
    for (std::uint8_t i = 1; i <= 3; ++i) {
        PublicKey key;
        key.data[0] = key_prefix;
        key.data[1] = i;
        HP_CHECK(client->on_peer_up(key, 0).has_value(), "files can be written");
    }
    for (int i = 0; i < answers_max && !answers.empty(); ++i) {
        const auto [peer, bytes] = std::move(answers.front());
        answers.erase(answers.begin());
        // Names that this file system does not take are no danger.
        if (!client->on_answer(peer, bytes, i)) {
            return;
        }
    }
    if (client->state() == sync::Fetch::State::complete) {
        const auto hash = hash_tree(ground.root() / "staging" / "state");
        HP_CHECK(hash && *hash == target.state, "complete means equal");
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const Ground ground;
    const ByteView bytes(data, size);
    check_codec(bytes);
    fuzz::Input in(bytes);
    World world;
    world.make(in);
    sync_from(ground, world, in);
    ground.check();
    ground.clean();
    return 0;
}
