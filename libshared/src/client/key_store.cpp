// SPDX-License-Identifier: Apache-2.0
#include "hp/client/key_store.hpp"

#include "hp/base/limits.hpp"
#include "hp/client/rfc3339.hpp"
#include "hp/crypto/base64.hpp"
#include "hp/crypto/secret_box.hpp"
#include "hp/os/fd.hpp"
#include "hp/os/files.hpp"
#include "ssh_key.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace hp::client {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view extension = ".key";
constexpr std::string_view file_type = "hotpocket-user-key";
constexpr std::string_view kdf_name = "argon2id";
constexpr std::string_view cipher_name = "xsalsa20-poly1305";
constexpr std::size_t name_chars_max = 64;
constexpr std::size_t nonce_digits = 20; // of the largest 64-bit number

// mkdir -p for the user's eyes only.
Status make_private_directories(const fs::path& path) {
    if (path.has_parent_path() && path != path.parent_path() && !fs::exists(path)) {
        HP_TRY_STATUS(make_private_directories(path.parent_path()));
    }
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
        return fail(errno_error("cannot make directory " + path.string(), errno));
    }
    return {};
}

Result<Bytes> read_all(const os::Fd& file, std::size_t bytes_max) {
    Bytes out(bytes_max + 1);
    std::size_t used = 0;
    while (used < out.size()) {
        HP_TRY(const std::size_t got, os::read_some(file.get(), std::span(out).subspan(used)));
        if (got == 0) {
            break;
        }
        used += got;
    }
    if (used > bytes_max) {
        return fail(Errc::too_large, "file is too large");
    }
    out.resize(used);
    return out;
}

// Checked on the open file, so that nobody can swap it in between.
Status check_private(const os::Fd& file, const fs::path& path) {
    struct stat info {};
    if (::fstat(file.get(), &info) != 0) {
        return fail(errno_error("cannot look at " + path.string(), errno));
    }
    if (!S_ISREG(info.st_mode)) {
        return fail(Errc::invalid, path.string() + " is not a file");
    }
    if ((info.st_mode & 077U) != 0) {
        return fail(Errc::denied, "key file " + path.string() + " is open to other users");
    }
    return {};
}

using Json = nlohmann::json;

std::string text_field(const Json& json, const char* name) {
    const auto found = json.is_object() ? json.find(name) : json.end();
    return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::uint64_t number_field(const Json& json, const char* name) {
    const auto found = json.is_object() ? json.find(name) : json.end();
    return found != json.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

std::optional<crypto::SecretBox> decode_box(const Json& json) {
    crypto::SecretBox out;
    out.operations = number_field(json, "operations");
    out.memory_bytes = number_field(json, "memory_bytes");
    const std::string sealed = text_field(json, "sealed");
    out.sealed.resize(sealed.size() / 2);
    if (text_field(json, "kdf") != kdf_name || text_field(json, "cipher") != cipher_name ||
        !from_hex(text_field(json, "salt"), out.salt) ||
        !from_hex(text_field(json, "nonce"), out.nonce) || !from_hex(sealed, out.sealed)) {
        return std::nullopt;
    }
    return out;
}

std::optional<crypto::KeyPair> pair_of(std::string_view private_hex) {
    const auto secret = crypto::PrivateKey::from_hex(private_hex);
    return secret ? crypto::key_pair_from_private(*secret) : std::nullopt;
}

Result<StoredKey> decode_key(ByteView text, const Passphrase& passphrase) {
    const Json json = Json::parse(text.begin(), text.end(), nullptr, false);
    const auto public_key = parse_public_key_hex(text_field(json, "public_key"));
    if (text_field(json, "type") != file_type) {
        return fail(Errc::corrupt, "not a key file");
    }
    StoredKey out{{}, {}, text_field(json, "created"), {}};
    std::string secret = text_field(json, "private_key");
    if (const auto sealed = json.find("encrypted"); sealed != json.end()) {
        const auto box = decode_box(*sealed);
        if (!box || !public_key) {
            return fail(Errc::corrupt, "the encrypted key is damaged");
        }
        out.encrypted = true;
        if (!passphrase) {
            out.locked = true;
            out.keys.public_key = *public_key;
            return out;
        }
        HP_TRY(const Bytes opened, crypto::open(*box, *passphrase));
        secret = to_text(opened);
    }
    const auto keys = pair_of(secret);
    ::explicit_bzero(secret.data(), secret.size());
    if (!keys || public_key != keys->public_key) {
        return fail(Errc::corrupt, "public and private key are damaged or do not belong together");
    }
    out.keys = *keys;
    return out;
}

std::string box_text(const crypto::SecretBox& box) {
    std::string out = "{\"kdf\": \"" + std::string(kdf_name) + "\", ";
    out += "\"operations\": " + std::to_string(box.operations) + ", ";
    out += "\"memory_bytes\": " + std::to_string(box.memory_bytes) + ", ";
    out += "\"salt\": \"" + to_hex(box.salt) + "\", ";
    out += "\"cipher\": \"" + std::string(cipher_name) + "\", ";
    out += "\"nonce\": \"" + to_hex(box.nonce) + "\", ";
    return out + "\"sealed\": \"" + to_hex(box.sealed) + "\"}";
}

Result<std::string> encode_key(const StoredKey& key, const Passphrase& passphrase) {
    std::string out = "{\n    \"type\": \"" + std::string(file_type) + "\",\n";
    out += "    \"version\": 1,\n";
    out += "    \"public_key\": \"" + key.keys.public_key.hex() + "\",\n";
    std::string secret = key.keys.private_key.hex();
    if (passphrase) {
        HP_TRY(const crypto::SecretBox box, crypto::seal(as_bytes(secret), *passphrase));
        out += "    \"encrypted\": " + box_text(box) + ",\n";
    } else {
        out += "    \"private_key\": \"" + secret + "\",\n";
    }
    ::explicit_bzero(secret.data(), secret.size());
    return out + "    \"created\": \"" + key.created + "\"\n}\n";
}

// Complete or not at all, and never over an existing file.
Status create_private_file(const fs::path& path, std::string_view content) {
    std::string draft =
        (path.parent_path() / ("." + path.filename().string() + ".XXXXXX")).string();
    const os::Fd file(::mkostemp(draft.data(), O_CLOEXEC)); // mode 0600
    if (!file) {
        return fail(errno_error("cannot write in " + path.parent_path().string(), errno));
    }
    Status done = os::write_all(file.get(), as_bytes(content));
    if (done && ::fsync(file.get()) != 0) {
        done = fail(errno_error("cannot write " + path.string(), errno));
    }
    if (done && ::link(draft.c_str(), path.c_str()) != 0) {
        done = errno == EEXIST ? fail(Errc::exists, path.string() + " exists already")
                               : fail(errno_error("cannot make " + path.string(), errno));
    }
    ::unlink(draft.c_str());
    HP_TRY_STATUS(done);
    return os::fsync_directory(path.parent_path());
}

} // namespace

Result<fs::path> user_data_dir() {
    const char* data = std::getenv("XDG_DATA_HOME");
    if (data != nullptr && *data == '/') { // relative ones are invalid by the XDG rules
        return fs::path(data) / "hotpocket";
    }
    const char* home = std::getenv("HOME");
    if (home == nullptr || *home != '/') {
        return fail(Errc::not_found, "neither XDG_DATA_HOME nor HOME is set");
    }
    return fs::path(home) / ".local/share/hotpocket";
}

bool is_key_name(std::string_view name) {
    const auto allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '.' || c == '_' || c == '-';
    };
    return !name.empty() && name.size() <= name_chars_max && name.front() != '.' &&
           name.front() != '-' && std::ranges::all_of(name, allowed);
}

Result<StoredKey> load_key_file(const fs::path& path, const Passphrase& passphrase) {
    HP_TRY(const os::Fd file, os::open_file(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    HP_TRY_STATUS(check_private(file, path));
    auto text = read_all(file, limits::key_file_bytes_max);
    if (!text) {
        return fail(std::move(text.error()).in(path.string()));
    }
    auto key = decode_key(*text, passphrase);
    ::explicit_bzero(text->data(), text->size());
    if (!key) {
        return fail(std::move(key.error()).in(path.string()));
    }
    key->name = path.stem().string();
    key->path = path;
    return key;
}

fs::path KeyStore::key_path(std::string_view name) const {
    return root_ / "keys" / (std::string(name) + std::string(extension));
}

// RFC 8037: {"kty":"OKP","crv":"Ed25519","d":the seed,"x":the public half}, base64url.
Result<crypto::KeyPair> decode_jwk(const Json& json) {
    std::array<std::uint8_t, 32> seed{};
    std::array<std::uint8_t, 32> point{};
    const auto keys = text_field(json, "crv") == "Ed25519" &&
                              crypto::from_base64url(text_field(json, "d"), seed) &&
                              crypto::from_base64url(text_field(json, "x"), point)
                          ? std::optional(crypto::key_pair_from_seed(seed))
                          : std::nullopt;
    ::explicit_bzero(seed.data(), seed.size());
    if (!keys || !std::equal(point.begin(), point.end(), keys->public_key.data.begin() + 1)) {
        return fail(Errc::corrupt, "not the private half of an Ed25519 key (crv, d, x)");
    }
    return *keys;
}

Result<crypto::KeyPair> decode_foreign_key(ByteView text, const Passphrase& passphrase) {
    std::string_view hex = as_text(text);
    const auto is_space = [](char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; };
    while (!hex.empty() && is_space(hex.back())) {
        hex.remove_suffix(1);
    }
    if (const auto keys = pair_of(hex)) {
        return *keys;
    }
    if (is_openssh_key_file(hex)) {
        return decode_openssh_key_file(hex);
    }
    std::array<std::uint8_t, 32> seed{};
    if (from_hex(hex, seed)) {
        const crypto::KeyPair keys = crypto::key_pair_from_seed(seed);
        ::explicit_bzero(seed.data(), seed.size());
        return keys;
    }
    if (const Json json = Json::parse(text.begin(), text.end(), nullptr, false);
        text_field(json, "kty") == "OKP") {
        return decode_jwk(json);
    }
    auto key = decode_key(text, passphrase);
    if (!key) {
        return fail(std::move(key.error()));
    }
    if (key->locked) {
        return fail(Errc::denied, "the key has a passphrase");
    }
    return key->keys;
}

Result<StoredKey> KeyStore::make(std::string_view name, const Passphrase& passphrase,
                                 std::optional<crypto::KeyPair> keys) const {
    if (!is_key_name(name)) {
        return fail(Errc::invalid, "\"" + std::string(name) + "\" is no usable key name");
    }
    const StoredKey key{std::string(name), key_path(name), rfc3339(SystemClock().now().wall_ms),
                        keys ? *keys : crypto::make_key_pair(), passphrase.has_value()};
    HP_TRY_STATUS(make_private_directories(key.path.parent_path()));
    HP_TRY(const std::string text, encode_key(key, passphrase));
    HP_TRY_STATUS(create_private_file(key.path, text));
    return key;
}

Result<StoredKey> KeyStore::load(std::string_view name, const Passphrase& passphrase) const {
    if (!is_key_name(name)) {
        return fail(Errc::invalid, "\"" + std::string(name) + "\" is no usable key name");
    }
    return load_key_file(key_path(name), passphrase);
}

Status KeyStore::rewrite(const StoredKey& key, const Passphrase& passphrase) const {
    HP_TRY(const std::string text, encode_key(key, passphrase));
    return os::replace_file(key.path, as_bytes(text), 0600);
}

Status KeyStore::remove(std::string_view name) const {
    if (!is_key_name(name)) {
        return fail(Errc::invalid, "\"" + std::string(name) + "\" is no usable key name");
    }
    const fs::path path = key_path(name);
    if (::unlink(path.c_str()) != 0) {
        return fail(errno_error("cannot remove " + path.string(), errno));
    }
    return os::fsync_directory(path.parent_path());
}

Result<std::vector<KeyListing>> KeyStore::list() const {
    std::vector<KeyListing> out;
    std::error_code error;
    fs::directory_iterator entries(root_ / "keys", error);
    if (error == std::errc::no_such_file_or_directory) {
        return out;
    }
    for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
        const fs::path& path = entries->path();
        if (path.extension() == extension && is_key_name(path.stem().string())) {
            out.push_back({path.stem().string(), path, load_key_file(path)});
        }
    }
    if (error) {
        return fail(errno_error("cannot list " + (root_ / "keys").string(), error.value()));
    }
    std::ranges::sort(out, {}, &KeyListing::name);
    return out;
}

Result<std::uint64_t> KeyStore::next_nonce(const PublicKey& key, TimeMs wall_ms) const {
    const fs::path directory = root_ / "nonces";
    HP_TRY_STATUS(make_private_directories(directory));
    const fs::path path = directory / key.hex();
    HP_TRY(const os::Fd file, os::open_file(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (::flock(file.get(), LOCK_EX) != 0) { // held for microseconds; the close below releases it
        return fail(errno_error("cannot lock " + path.string(), errno));
    }
    HP_TRY(const Bytes stored, read_all(file, nonce_digits + 1));
    std::uint64_t last = 0;
    const std::string_view text = as_text(stored);
    std::from_chars(text.data(), text.data() + text.size(), last);
    const std::uint64_t nonce =
        std::max(static_cast<std::uint64_t>(std::max<TimeMs>(wall_ms, 1)), last + 1);
    // Always the same length in one write: no reader ever sees half a number.
    const std::string digits = std::to_string(nonce);
    const std::string line = std::string(nonce_digits - digits.size(), '0') + digits + "\n";
    if (::pwrite(file.get(), line.data(), line.size(), 0) != static_cast<ssize_t>(line.size())) {
        return fail(errno_error("cannot write " + path.string(), errno));
    }
    return nonce;
}

} // namespace hp::client
