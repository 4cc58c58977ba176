// SPDX-License-Identifier: Apache-2.0
#include "state/ownership.hpp"

#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

#include "hp/base/limits.hpp"

namespace hp::state {
namespace {

class Giver {
public:
    Giver(Owner owner, OwnershipStats& stats) : owner_(owner), stats_(stats) {}

    Status entry(int dir, const std::string& name, std::size_t depth) {
        // What is examined is what changes hands, whatever happens to the name meanwhile.
        const os::Fd fd(openat(dir, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
        if (!fd) {
            return fail(errno_error("cannot open " + name, errno));
        }
        HP_TRY(const struct stat st, stat_fd(fd.get()));
        if (depth == 0) {
            device_ = st.st_dev;
        }
        if (!may_give(st) || depth > limits::state_depth_max) {
            leave(name);
            return {};
        }
        if (st.st_uid != owner_.uid || st.st_gid != owner_.gid) {
            HP_TRY_STATUS(give(dir, name, fd.get()));
        }
        return S_ISDIR(st.st_mode) ? children(dir, name, depth) : Status();
    }

private:
    bool may_give(const struct stat& st) const {
        const bool mine = st.st_uid == owner_.uid;
        const bool linked = S_ISREG(st.st_mode) && st.st_nlink > 1;
        const bool content = S_ISREG(st.st_mode) || S_ISDIR(st.st_mode) || S_ISLNK(st.st_mode);
        return st.st_dev == device_ && content && (mine || !linked);
    }

    void leave(const std::string& name) {
        if (stats_.left++ == 0) {
            stats_.first_left = name;
        }
    }

    Status give(int dir, const std::string& name, int fd) {
        const auto change = [&] {
            return fchownat(fd, "", owner_.uid, owner_.gid, AT_EMPTY_PATH) == 0;
        };
        if (!change() && !(errno == EPERM && unlock(dir, name) && change())) {
            return fail(errno_error("cannot change the owner of " + name, errno));
        }
        ++stats_.given;
        return {};
    }

    static bool unlock(int dir, const std::string& name) {
        const os::Fd fd(openat(dir, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
        const bool unlocked = fd && remove_locks(fd.get());
        errno = EPERM;
        return unlocked;
    }

    Status children(int parent, const std::string& name, std::size_t depth) {
        HP_TRY(const os::Fd dir, open_directory(parent, name));
        NameReader reader(dir.get());
        std::string child;
        for (;;) {
            HP_TRY(const bool more, reader.next(child));
            if (!more) {
                return {};
            }
            HP_TRY_STATUS(entry(dir.get(), child, depth + 1));
        }
    }

    Owner owner_;
    OwnershipStats& stats_;
    dev_t device_ = 0;
};

} // namespace

Status give_tree(int dir, const std::string& name, Owner owner, OwnershipStats& stats) {
    return Giver(owner, stats).entry(dir, name, 0);
}

} // namespace hp::state
