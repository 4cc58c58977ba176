// SPDX-License-Identifier: Apache-2.0
#include "cluster/user_folder.hpp"

#include "hp/crypto/blake3.hpp"

#include <cerrno>
#include <cstdlib>
#include <sys/stat.h>
#include <unistd.h>

namespace hp::dev {
namespace {

// Ours alone, or not at all: others may write into its parent.
Expected<fs::path> make_private(const fs::path& path) {
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
        return cli::failure(cli::ErrorId::failed,
                            errno_error("cannot make " + path.string(), errno).context);
    }
    struct stat info {};
    if (::lstat(path.c_str(), &info) != 0 || !S_ISDIR(info.st_mode) || info.st_uid != ::geteuid() ||
        (info.st_mode & 077) != 0) {
        return cli::failure(cli::ErrorId::failed,
                            path.string() + " is not a private folder of this user",
                            "remove it, or set XDG_RUNTIME_DIR");
    }
    return path;
}

} // namespace

Expected<fs::path> user_folder() {
    const char* runtime = std::getenv("XDG_RUNTIME_DIR");
    if (runtime != nullptr && *runtime == '/' && ::access(runtime, W_OK | X_OK) == 0) {
        return make_private(fs::path(runtime) / "hpdev");
    }
    return make_private("/tmp/hpdev-" + std::to_string(::geteuid()));
}

Expected<fs::path> memory_folder() {
    return make_private("/dev/shm/hpdev-" + std::to_string(::geteuid()));
}

std::string short_name(const fs::path& path) {
    return crypto::b3(as_bytes(path.string())).hex().substr(0, 16);
}

} // namespace hp::dev
