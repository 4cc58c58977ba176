// SPDX-License-Identifier: Apache-2.0
#include "contract/landlock.hpp"

#include <algorithm>
#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/landlock.h>

#include "hp/os/files.hpp"

namespace hp::contract {
namespace {

// Rights that Debian 12's headers do not name yet.
constexpr std::uint64_t access_refer = 1ULL << 13;
constexpr std::uint64_t access_truncate = 1ULL << 14;

constexpr std::uint64_t read_rights =
    LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr std::uint64_t write_rights =
    LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
    LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
    LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
    LANDLOCK_ACCESS_FS_MAKE_SYM;
// What a rule about a file, not a directory, may name.
constexpr std::uint64_t file_rights = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE |
                                      LANDLOCK_ACCESS_FS_WRITE_FILE | access_truncate;

std::uint64_t write_rights_of(int abi) {
    return write_rights | (abi >= 2 ? access_refer : 0) | (abi >= 3 ? access_truncate : 0);
}

// A path that is gone, or that nobody may open, needs no rule.
Status allow(int rules, const std::string& path, std::uint64_t rights) {
    const os::Fd place(::open(path.c_str(), O_PATH | O_CLOEXEC | O_NOFOLLOW));
    struct stat info {};
    if (!place || ::fstat(place.get(), &info) != 0 || S_ISLNK(info.st_mode)) {
        return {};
    }
    landlock_path_beneath_attr rule{};
    rule.allowed_access = S_ISDIR(info.st_mode) ? rights : rights & file_rights;
    rule.parent_fd = place.get();
    if (rule.allowed_access != 0 &&
        ::syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0) {
        return fail(Errc::unsupported, errno_error("landlock rule for " + path, errno).context);
    }
    return {};
}

// Rules only give: everything beside the way down to `target` gets all rights.
Status allow_beside(int rules, const std::filesystem::path& target, std::uint64_t rights) {
    std::filesystem::path level = "/";
    for (const std::filesystem::path& step : target.relative_path()) {
        std::error_code failed;
        for (const auto& entry : std::filesystem::directory_iterator(level, failed)) {
            if (entry.path().filename() != step) {
                HP_TRY_STATUS(allow(rules, entry.path().string(), rights));
            }
        }
        if (failed) {
            return fail(Errc::unsupported, "cannot list " + level.string());
        }
        level /= step;
    }
    return {};
}

} // namespace

int landlock_abi() {
    const long abi =
        ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
    return static_cast<int>(std::max(abi, 0L));
}

Result<os::Fd> make_landlock_rules(const LandlockPlan& plan) {
    const int abi = landlock_abi();
    if (abi == 0) {
        return fail(Errc::unsupported, "no landlock");
    }
    const std::uint64_t writes = write_rights_of(abi);
    const std::uint64_t all = read_rights | writes;
    const bool hides = !plan.readable.empty();
    landlock_ruleset_attr attributes{};
    attributes.handled_access_fs = hides ? all : writes;
    const std::uint64_t handled = attributes.handled_access_fs;
    os::Fd rules(static_cast<int>(
        ::syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0)));
    if (!rules) {
        return fail(Errc::unsupported, errno_error("landlock", errno).context);
    }
    HP_TRY_STATUS(allow_beside(rules.get(), plan.node_dir, handled));
    for (const std::string& path : plan.writable) {
        HP_TRY_STATUS(allow(rules.get(), path, handled));
    }
    for (const std::string& path : plan.readable) {
        HP_TRY_STATUS(allow(rules.get(), path, handled & read_rights));
    }
    return rules;
}

bool apply_landlock(int rules) {
    return ::syscall(SYS_landlock_restrict_self, rules, 0) == 0;
}

} // namespace hp::contract
