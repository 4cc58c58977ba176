// SPDX-License-Identifier: Apache-2.0
#include "hp/client/key_store.hpp"

#include "hp/base/limits.hpp"
#include "hp/client/rfc3339.hpp"
#include "hp/os/fd.hpp"
#include "hp/os/files.hpp"

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

Result<StoredKey> decode_key(ByteView text) {
    const auto json = nlohmann::json::parse(text.begin(), text.end(), nullptr, false);
    const auto field = [&json](const char* name) {
        const auto found = json.is_object() ? json.find(name) : json.end();
        return found != json.end() && found->is_string() ? found->get<std::string>()
                                                         : std::string();
    };
    if (!json.is_object() || field("type") != file_type) {
        return fail(Errc::corrupt, "not a key file");
    }
    const auto secret = crypto::PrivateKey::from_hex(field("private_key"));
    const auto keys = secret ? crypto::key_pair_from_private(*secret) : std::nullopt;
    if (!keys || parse_public_key_hex(field("public_key")) != keys->public_key) {
        return fail(Errc::corrupt, "public and private key are damaged or do not belong together");
    }
    return StoredKey{{}, {}, field("created"), *keys};
}

std::string encode_key(const StoredKey& key) {
    std::string out = "{\n    \"type\": \"" + std::string(file_type) + "\",\n";
    out += "    \"version\": 1,\n";
    out += "    \"public_key\": \"" + key.keys.public_key.hex() + "\",\n";
    out += "    \"private_key\": \"" + key.keys.private_key.hex() + "\",\n";
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

Result<StoredKey> load_key_file(const fs::path& path) {
    HP_TRY(const os::Fd file, os::open_file(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    HP_TRY_STATUS(check_private(file, path));
    auto text = read_all(file, limits::key_file_bytes_max);
    if (!text) {
        return fail(std::move(text.error()).in(path.string()));
    }
    auto key = decode_key(*text);
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

Result<StoredKey> KeyStore::make(std::string_view name) const {
    if (!is_key_name(name)) {
        return fail(Errc::invalid, "\"" + std::string(name) + "\" is no usable key name");
    }
    const StoredKey key{std::string(name), key_path(name), rfc3339(SystemClock().now().wall_ms),
                        crypto::make_key_pair()};
    HP_TRY_STATUS(make_private_directories(key.path.parent_path()));
    HP_TRY_STATUS(create_private_file(key.path, encode_key(key)));
    return key;
}

Result<StoredKey> KeyStore::load(std::string_view name) const {
    if (!is_key_name(name)) {
        return fail(Errc::invalid, "\"" + std::string(name) + "\" is no usable key name");
    }
    return load_key_file(key_path(name));
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
