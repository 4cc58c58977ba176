// SPDX-License-Identifier: Apache-2.0
#include "hp/client/key_store.hpp"
#include "temp_dir.hpp"

#include <catch2/catch.hpp>
#include <fstream>
#include <set>
#include <sys/stat.h>
#include <thread>

using namespace hp;
namespace fs = std::filesystem;
using test::mode_of;

namespace {

std::string text_of(const fs::path& path) {
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), {}};
}

void write_private(const fs::path& path, const std::string& text) {
    std::ofstream(path) << text;
    REQUIRE(::chmod(path.c_str(), 0600) == 0);
}

} // namespace

TEST_CASE("a made key is private and loads again", "[client]") {
    const test::TempDir dir;
    const client::KeyStore store(dir.path() / "new" / "hotpocket");
    const auto made = store.make("alice");
    REQUIRE(made);
    CHECK(mode_of(made->path) == 0600);
    CHECK(mode_of(made->path.parent_path()) == 0700);
    CHECK(mode_of(dir.path() / "new") == 0700);

    const auto loaded = store.load("alice");
    REQUIRE(loaded);
    CHECK(loaded->keys == made->keys);
    CHECK(loaded->created == made->created);
    CHECK(loaded->name == "alice");
    CHECK(client::load_key_file(made->path)->keys == made->keys);

    // Nothing else is left beside it.
    CHECK(test::entries_in(made->path.parent_path()) == 1);
}

TEST_CASE("an existing key is never overwritten", "[client]") {
    const test::TempDir dir;
    const client::KeyStore store(dir.path());
    const auto made = store.make("alice");
    REQUIRE(made);
    const auto again = store.make("alice");
    REQUIRE_FALSE(again);
    CHECK(again.err().code == Errc::exists);
    CHECK(store.load("alice")->keys == made->keys);
}

TEST_CASE("keys that others can read are refused", "[client]") {
    const test::TempDir dir;
    const client::KeyStore store(dir.path());
    const auto made = store.make("alice");
    REQUIRE(made);
    const unsigned mode = GENERATE(0640U, 0604U, 0644U, 0660U);
    REQUIRE(::chmod(made->path.c_str(), mode) == 0);
    const auto loaded = store.load("alice");
    REQUIRE_FALSE(loaded);
    CHECK(loaded.err().code == Errc::denied);
}

TEST_CASE("damaged key files are told, without their secret", "[client]") {
    const test::TempDir dir;
    const client::KeyStore store(dir.path());
    const auto made = store.make("alice");
    REQUIRE(made);
    std::string text = text_of(made->path);
    const std::string secret = made->keys.private_key.hex();
    SECTION("not JSON") {
        text = "secret";
    }
    SECTION("another type") {
        text.replace(text.find("hotpocket-user-key"), 9, "something");
    }
    SECTION("a changed public key") {
        const std::size_t at = text.find("\"public_key\": \"ed") + 16;
        text[at] = text[at] == '0' ? '1' : '0';
    }
    SECTION("a cut private key") {
        text.erase(text.find(secret), 2);
    }
    SECTION("too large") {
        text.append(20000, ' ');
    }
    write_private(made->path, text);
    const auto loaded = store.load("alice");
    REQUIRE_FALSE(loaded);
    CHECK(loaded.err().context.find(secret.substr(10, 20)) == std::string::npos);
}

TEST_CASE("key names cannot leave the directory", "[client]") {
    for (const char* name : {"", "..", ".x", "a/b", "../a", "-x", "a b", "a\n", "k\xc3\xa4"}) {
        CHECK_FALSE(client::is_key_name(name));
        const test::TempDir dir;
        CHECK(client::KeyStore(dir.path()).make(name).err().code == Errc::invalid);
    }
    CHECK_FALSE(client::is_key_name(std::string(65, 'a')));
    CHECK(client::is_key_name(std::string(64, 'a')));
    CHECK(client::is_key_name("ci-1_b.old"));
}

TEST_CASE("a missing key is not found", "[client]") {
    const test::TempDir dir;
    CHECK(client::KeyStore(dir.path()).load("bob").err().code == Errc::not_found);
}

TEST_CASE("the list names every key and every problem", "[client]") {
    const test::TempDir dir;
    const client::KeyStore store(dir.path());
    REQUIRE(store.list());
    CHECK(store.list()->empty()); // also before the directory is there
    REQUIRE(store.make("bob"));
    REQUIRE(store.make("alice"));
    write_private(dir.path() / "keys" / "broken.key", "{}");
    write_private(dir.path() / "keys" / "notes.txt", "not a key");
    const auto list = store.list();
    REQUIRE(list);
    REQUIRE(list->size() == 3);
    CHECK((*list)[0].name == "alice");
    CHECK((*list)[0].key);
    CHECK((*list)[1].name == "bob");
    CHECK((*list)[2].name == "broken");
    CHECK_FALSE((*list)[2].key);
}

TEST_CASE("nonces increase whatever the clock does", "[client]") {
    const test::TempDir dir;
    const client::KeyStore store(dir.path());
    const auto key = crypto::make_key_pair().public_key;
    CHECK(*store.next_nonce(key, 1000) == 1000);
    CHECK(*store.next_nonce(key, 1000) == 1001);
    CHECK(*store.next_nonce(key, 500) == 1002);
    CHECK(*store.next_nonce(key, 2000) == 2000);
    CHECK(*store.next_nonce(key, -5) == 2001);
    CHECK(*store.next_nonce(crypto::make_key_pair().public_key, 7) == 7);
}

TEST_CASE("nonces are unique among threads and processes", "[client]") {
    const test::TempDir dir;
    const client::KeyStore store(dir.path());
    const auto key = crypto::make_key_pair().public_key;
    std::array<std::vector<std::uint64_t>, 4> taken;
    {
        std::vector<std::jthread> threads;
        for (auto& mine : taken) {
            threads.emplace_back([&mine, &store, &key] {
                for (int i = 0; i < 50; ++i) {
                    mine.push_back(*store.next_nonce(key, 1));
                }
            });
        }
    }
    std::set<std::uint64_t> all;
    for (const auto& mine : taken) {
        all.insert(mine.begin(), mine.end());
    }
    CHECK(all.size() == 200);
    CHECK(*all.rbegin() == 200);
}

TEST_CASE("a key under a passphrase", "[client]") {
    crypto::init();
    const test::TempDir dir;
    const client::KeyStore store(dir.path());
    const auto made = store.make("alice", "correct horse");
    REQUIRE(made);
    CHECK(made->encrypted);
    const std::string text = text_of(made->path);
    CHECK(text.find(made->keys.private_key.hex().substr(2, 64)) == std::string::npos);

    const auto locked = store.load("alice");
    REQUIRE(locked);
    CHECK(locked->locked);
    CHECK(locked->keys.public_key == made->keys.public_key);
    CHECK(locked->keys.private_key == crypto::PrivateKey{});
    CHECK(store.load("alice", "correct horse")->keys == made->keys);
    CHECK(store.load("alice", "battery staple").err().code == Errc::denied);

    SECTION("taken off again") {
        REQUIRE(store.rewrite(*store.load("alice", "correct horse"), std::nullopt));
        CHECK(store.load("alice")->keys == made->keys);
        CHECK(mode_of(made->path) == 0600);
    }
    SECTION("another public key in front of it") {
        std::string forged = text;
        const auto other = crypto::make_key_pair();
        forged.replace(forged.find(made->keys.public_key.hex()), 66, other.public_key.hex());
        write_private(made->path, forged);
        CHECK(store.load("alice", "correct horse").err().code == Errc::corrupt);
    }
    SECTION("a cost that would stop the machine") {
        std::string greedy = text;
        const std::size_t at = greedy.find("\"memory_bytes\": ") + 16;
        greedy.insert(at, "9999");
        write_private(made->path, greedy);
        CHECK(store.load("alice", "correct horse").err().code == Errc::too_large);
    }
}

TEST_CASE("keys of other programs", "[client]") {
    crypto::init();
    const auto keys = crypto::make_key_pair();
    const std::string hex = keys.private_key.hex();
    const auto decode = [](const std::string& text) {
        return client::decode_foreign_key(as_bytes(text), std::nullopt);
    };
    CHECK(*decode(hex) == keys);               // user.key of the JavaScript tutorials
    CHECK(*decode(hex + "\r\n") == keys);      // edited by hand
    CHECK(*decode(hex.substr(2, 64)) == keys); // a bare seed
    // The key of RFC 8037, appendix A.
    const std::string seed = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";
    const std::string point = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    const auto jwk = [](const std::string& d, const std::string& x) {
        return R"({"kty":"OKP","crv":"Ed25519","d":")" + d + R"(","x":")" + x + R"("})";
    };
    CHECK(decode(jwk(seed, point))->public_key.hex() ==
          "edd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    CHECK_FALSE(decode(jwk(seed, seed)));
    CHECK_FALSE(decode(jwk(seed + "A", point)));
    CHECK_FALSE(decode(R"({"kty":"OKP","crv":"Ed25519","x":")" + point + R"("})"));
    for (const std::string& bad :
         {std::string(), hex.substr(1), hex + "00", "ed" + std::string(128, '0'), std::string("{}"),
          std::string(64, 'x')}) {
        INFO(bad);
        CHECK_FALSE(decode(bad));
    }
}
