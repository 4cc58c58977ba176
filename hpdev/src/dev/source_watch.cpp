// SPDX-License-Identifier: Apache-2.0
#include "dev/source_watch.hpp"

#include "clock.hpp"
#include "hp/crypto/blake3.hpp"
#include "hp/os/files.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

namespace hp::dev {
namespace {

constexpr std::int64_t quiet_ms = 50;      // editors save in several steps
constexpr std::int64_t patience_ms = 1000; // with who never stops writing
constexpr std::size_t files_max = 20'000;
constexpr std::size_t depth_max = 32;
constexpr std::size_t content_bytes_max = 1 << 20; // of what is compared by content

constexpr std::uint32_t mask = IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM |
                               IN_MOVED_TO | IN_ATTRIB | IN_ONLYDIR | IN_EXCL_UNLINK;

// Of editors and version control; also what nobody wants to see listed.
bool is_hidden(const std::string& name) {
    return name.empty() || name.front() == '.' || name.back() == '~' || name.ends_with(".swp");
}

} // namespace

Expected<SourceWatch> SourceWatch::open(const fs::path& root, const fs::path& output) {
    os::Fd events(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    if (!events) {
        return cli::failure(cli::ErrorId::failed,
                            errno_error("cannot watch the sources", errno).context,
                            "fs.inotify.max_user_instances limits it; --no-watch does without");
    }
    SourceWatch out(root, output.empty() ? output : (root / output).lexically_normal(),
                    std::move(events));
    std::vector<std::string> all;
    HP_DEV_TRY_STATUS(out.look_at(root, all, 0));
    return out;
}

// Folders that build systems and caches have marked as theirs, and those that everybody knows.
bool SourceWatch::is_source_folder(const fs::path& path) const {
    const std::string name = path.filename();
    std::error_code none;
    return !is_hidden(name) && name != "node_modules" && name != "__pycache__" && path != output_ &&
           path / "" != output_ && !fs::exists(path / "CACHEDIR.TAG", none) &&
           !fs::exists(path / "CMakeCache.txt", none);
}

Done SourceWatch::look_at(const fs::path& folder, std::vector<std::string>& changed,
                          std::size_t depth) {
    // Before it is read, so that nothing is missed; again is the same watch.
    if (::inotify_add_watch(events_.get(), folder.c_str(), mask) < 0 && errno != ENOENT &&
        errno != ENOTDIR) {
        return cli::failure(cli::ErrorId::failed,
                            errno_error("cannot watch " + folder.string(), errno).context,
                            "fs.inotify.max_user_watches limits how many; --no-watch does without");
    }
    std::error_code error;
    for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
        const fs::file_type type = at->symlink_status(error).type();
        if (type == fs::file_type::directory) {
            if (depth < depth_max && is_source_folder(at->path())) {
                HP_DEV_TRY_STATUS(look_at(at->path(), changed, depth + 1));
            }
        } else if (type == fs::file_type::regular && !is_hidden(at->path().filename())) {
            if (sources_.size() >= files_max) {
                return cli::failure(cli::ErrorId::failed,
                                    "more than " + std::to_string(files_max) + " files in " +
                                        root_.string(),
                                    "[build] output in hpdev.toml is not watched, nor is what "
                                    "begins with a dot; --no-watch watches nothing");
            }
            if (has_changed(at->path())) {
                changed.push_back(at->path().lexically_relative(root_));
            }
        }
    }
    return {};
}

bool SourceWatch::has_changed(const fs::path& file) {
    struct stat info {};
    if (::lstat(file.c_str(), &info) != 0) {
        return false;
    }
    Source now;
    now.size = static_cast<std::uintmax_t>(info.st_size);
    now.modified_ns =
        static_cast<std::int64_t>(info.st_mtim.tv_sec) * 1'000'000'000 + info.st_mtim.tv_nsec;
    now.mode = info.st_mode & 0111;
    const auto [found, is_new] = sources_.try_emplace(file.lexically_relative(root_), now);
    Source& before = found->second;
    before.seen = true;
    if (is_new || (before.size == now.size && before.modified_ns == now.modified_ns &&
                   before.mode == now.mode)) {
        return is_new;
    }
    if (const auto bytes = os::read_file(file, content_bytes_max)) {
        now.content = crypto::b3(*bytes);
    }
    const bool same = now.content && now.content == before.content && now.mode == before.mode;
    before = now;
    return !same;
}

void SourceWatch::on_ready() {
    std::array<char, 16 * 1024> buffer{}; // what happened where is found by looking
    bool any = false;
    while (::read(events_.get(), buffer.data(), buffer.size()) > 0) {
        any = true;
    }
    if (any) {
        last_event_ms_ = now_mono_ms();
        first_event_ms_ = first_event_ms_ == 0 ? last_event_ms_ : first_event_ms_;
    }
}

std::optional<std::int64_t> SourceWatch::due_at_ms() const {
    return first_event_ms_ == 0
               ? std::nullopt
               : std::optional(std::min(last_event_ms_ + quiet_ms, first_event_ms_ + patience_ms));
}

std::vector<std::string> SourceWatch::take() {
    first_event_ms_ = 0;
    for (auto& [path, source] : sources_) {
        source.seen = false;
    }
    std::vector<std::string> out;
    (void)look_at(root_, out, 0); // a folder too many does not matter to the others
    for (const auto& [path, source] : sources_) {
        if (!source.seen) {
            out.push_back(path);
        }
    }
    std::erase_if(sources_, [](const auto& item) { return !item.second.seen; });
    std::ranges::sort(out);
    return out;
}

} // namespace hp::dev
