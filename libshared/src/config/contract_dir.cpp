// SPDX-License-Identifier: Apache-2.0
#include "hp/config/contract_dir.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "hp/base/limits.hpp"
#include "hp/os/files.hpp"

namespace hp::config {
namespace {

namespace fs = std::filesystem;

// A half-made tree under another name; removed unless it got its real one.
class TempTree {
public:
    static Result<TempTree> make_beside(const fs::path& root) {
        const std::string hidden = "." + root.filename().string() + ".new.XXXXXX";
        std::string name = (root.parent_path() / hidden).string();
        if (::mkdtemp(name.data()) == nullptr) {
            return fail(
                errno_error("cannot make a directory in " + root.parent_path().string(), errno));
        }
        return TempTree(std::move(name));
    }
    ~TempTree() {
        if (!path_.empty()) {
            std::error_code ignored;
            fs::remove_all(path_, ignored);
        }
    }
    TempTree(TempTree&& other) noexcept : path_(std::exchange(other.path_, fs::path())) {}
    TempTree& operator=(TempTree&&) = delete;

    const fs::path& path() const { return path_; }

    Status rename_to(const fs::path& root) {
        // Plain rename would replace an empty directory that appeared meanwhile. Some network file
        // systems do not know the flag; there the check before has to do.
        int result = ::renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, root.c_str(), RENAME_NOREPLACE);
        if (result != 0 && errno == EINVAL) {
            result = ::rename(path_.c_str(), root.c_str());
        }
        if (result != 0) {
            return fail(errno_error("cannot make " + root.string(), errno));
        }
        path_.clear();
        return {};
    }

private:
    explicit TempTree(fs::path path) : path_(std::move(path)) {}
    fs::path path_;
};

Status set_mode(const fs::path& path, mode_t mode) {
    if (::chmod(path.c_str(), mode) != 0) {
        return fail(errno_error("cannot set the mode of " + path.string(), errno));
    }
    return {};
}

Status check_place(const fs::path& root) {
    struct stat info {};
    if (::lstat(root.c_str(), &info) == 0) {
        return fail(Errc::exists, root.string() + " already exists");
    }
    const fs::path parent = root.parent_path();
    if (::stat(parent.c_str(), &info) != 0) {
        return fail(errno_error("cannot use the parent directory " + parent.string(), errno));
    }
    if (!S_ISDIR(info.st_mode)) {
        return fail(Errc::invalid, parent.string() + " is not a directory");
    }
    return {};
}

Config make_config() {
    Config out;
    out.node.keys = crypto::make_key_pair();
    out.contract.id = crypto::random_uuid();
    out.contract.patch.unl = {out.node.keys.public_key};
    return out;
}

Status fill(const ContractDir& dir,
            Status (*make_certificate)(const std::string&, const std::string&,
                                       const std::string&)) {
    const fs::path directories[] = {
        dir.config().parent_path(),   dir.seed() / "state",
        dir.contract_fs() / "mnt",    dir.ledger_fs() / "seed/primary",
        dir.ledger_fs() / "seed/raw", dir.ledger_fs() / "mnt",
        dir.contract_log(),
    };
    for (const fs::path& directory : directories) {
        HP_TRY_STATUS(os::make_directories(directory));
    }
    const Config config = make_config();
    HP_TRY_STATUS(save(dir, config));
    HP_TRY_STATUS(make_certificate(dir.tls_key().string(), dir.tls_cert().string(),
                                   config.node.keys.public_key.hex()));
    HP_TRY_STATUS(set_mode(dir.tls_key(), 0600));
    HP_TRY_STATUS(set_mode(dir.tls_cert(), 0644));
    HP_TRY_STATUS(os::fsync_directory(dir.config().parent_path()));
    return set_mode(dir.root, 0755); // last: until here only we can look inside
}

std::string count_of(std::size_t problems) {
    return problems == 1 ? "a problem" : std::to_string(problems) + " problems";
}

} // namespace

ContractDir contract_dir(const fs::path& path) {
    std::error_code failed;
    const fs::path base = path.is_absolute() ? fs::path() : fs::current_path(failed);
    fs::path root = (base / path).lexically_normal();
    if (!root.has_filename() && root.has_relative_path()) {
        root = root.parent_path(); // "/a/b/" -> "/a/b"
    }
    return {std::move(root)};
}

Status create(const ContractDir& dir,
              Status (*make_certificate)(const std::string& key_path, const std::string& cert_path,
                                         const std::string& name)) {
    HP_TRY_STATUS(check_place(dir.root));
    HP_TRY(TempTree tree, TempTree::make_beside(dir.root));
    HP_TRY_STATUS(fill(ContractDir{tree.path()}, make_certificate));
    HP_TRY_STATUS(tree.rename_to(dir.root));
    if (auto synced = os::fsync_directory(dir.root.parent_path()); !synced) {
        return fail(std::move(synced.error()).in(dir.root.string() + " was made, but"));
    }
    return {};
}

Status rekey(const ContractDir& dir) {
    HP_TRY(LoadedConfig loaded, load(dir));
    Config& config = loaded.config;
    if (config.contract.patch.unl.erase(config.node.keys.public_key) == 0) {
        return fail(Errc::invalid, "contract.unl in " + dir.config().string() +
                                       " does not contain this node's public key " +
                                       config.node.keys.public_key.hex());
    }
    config.node.keys = crypto::make_key_pair();
    config.contract.patch.unl.insert(config.node.keys.public_key);
    return save(dir, config);
}

Result<LoadedConfig> load(const ContractDir& dir) {
    const fs::path path = dir.config();
    HP_TRY(const Bytes text, os::read_file(path, limits::config_bytes_max));
    DecodedConfig decoded = decode_config(text);
    if (!decoded.problems.empty()) {
        return fail(Errc::invalid, path.string() + " has " + count_of(decoded.problems.size()) +
                                       ":\n" + describe(decoded.problems));
    }
    return LoadedConfig{std::move(decoded.config), std::move(decoded.unknown)};
}

bool config_mode_is_private(const ContractDir& dir) {
    struct stat info {};
    return ::stat(dir.config().c_str(), &info) == 0 && (info.st_mode & 077) == 0;
}

Status save(const ContractDir& dir, const Config& config) {
    Config written = config;
    written.hp_version = hp_version;
    const std::string text = encode_config(written);
    // A file that the next start refuses would take the node down with its key; better fail here.
    if (const DecodedConfig check = decode_config(as_bytes(text)); !check.problems.empty()) {
        return fail(Errc::invalid, "refused to write a configuration with " +
                                       count_of(check.problems.size()) + ":\n" +
                                       describe(check.problems));
    }
    return os::replace_file(dir.config(), as_bytes(text), 0600);
}

Status update(const ContractDir& dir, const Config& known,
              const std::function<void(Config&)>& change) {
    auto stored = load(dir);
    if (!stored && stored.err().code == Errc::denied && set_mode(dir.config(), 0600)) {
        stored = load(dir); // it is ours, but somebody took our right to read it
    }
    if (!stored && stored.err().code != Errc::not_found) {
        return fail(stored.err());
    }
    Config config = stored ? std::move(stored->config) : known;
    change(config);
    return save(dir, config);
}

} // namespace hp::config
