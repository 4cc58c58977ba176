// SPDX-License-Identifier: Apache-2.0
//
// Everything a contract should not do to its state directory, to patch.cfg and to the disk.
//
// Threads: main thread only.
#include "bad.hpp"

#include <array>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace hp::bad {
namespace {

using namespace std::string_view_literals;

constexpr const char* patch_file = "../patch.cfg";
constexpr std::size_t mib = 1024 * 1024;
constexpr std::size_t files_max = 200'000;
constexpr std::size_t fill_mib_max = 1024;
constexpr std::size_t depth_max = 1000;

bool make_file(const std::string& name, std::string_view content, mode_t mode = 0644) {
    const int fd = ::open(name.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    if (fd < 0)
        return false;
    const bool done = write_all(fd, content);
    return ::close(fd) == 0 && done;
}

std::string write_file(Call& call) {
    const std::size_t equals = std::min(call.argument.find('='), call.argument.size() - 1);
    return outcome(
        make_file(std::string(call.argument.substr(0, equals)), call.argument.substr(equals + 1)));
}

std::string delete_patch(Call&) {
    return outcome(::unlink(patch_file) == 0);
}

std::string garble_patch(Call&) {
    return outcome(make_file(patch_file, "{ \"version\": \xff\xfe 7,,, "sv));
}

std::string replace_patch(Call& call) {
    ::unlink(patch_file);
    if (call.argument == "directory")
        return outcome(::mkdir(patch_file, 0755) == 0 && make_file("../patch.cfg/x", "x"));
    if (call.argument == "symlink")
        return outcome(::symlink("/etc/hostname", patch_file) == 0);
    if (call.argument == "fifo")
        return outcome(::mkfifo(patch_file, 0644) == 0);
    return outcome(make_file(patch_file, std::string(2 * mib, ' ')));
}

/// No permission for anybody on anything, from the files up to the parent of the state.
std::string lock_out(Call&) {
    ::mkdir("locked", 0755);
    make_file("locked/file.txt", "still here");
    make_file("unreadable.txt", "still here");
    const bool done = ::chmod("unreadable.txt", 0) == 0 && ::chmod("locked/file.txt", 0) == 0 &&
                      ::chmod("locked", 0) == 0 && ::chmod(patch_file, 0) == 0 &&
                      ::chmod("..", 0) == 0 && ::chmod(".", 0) == 0;
    return outcome(done);
}

/// Writes MiB after MiB until there is an error or enough.
std::string fill_file(const char* name, std::size_t wanted_mib) {
    const std::string chunk(mib, 'f');
    const int fd = ::open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    const std::size_t wanted = std::min(wanted_mib, fill_mib_max);
    for (std::size_t written = 0; written < wanted; ++written)
        if (!write_all(fd, chunk))
            return outcome(false) + " after " + std::to_string(written);
    return "filled " + std::to_string(wanted);
}

std::string fill(Call& call) {
    return fill_file("fill.bin", number(call.argument));
}

/// Where no quota of the state counts.
std::string fill_beside(Call& call) {
    return fill_file("../fill.bin", number(call.argument));
}

/// A file of that many GiB that is one hole.
std::string sparse(Call& call) {
    const int fd = ::open("sparse.bin", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    return outcome(::ftruncate(fd, static_cast<off_t>(number(call.argument)) << 30) == 0);
}

/// Links out of the state, loops, links to nothing; `argument` is a directory outside.
std::string symlinks(Call& call) {
    const std::string outside(call.argument);
    ::mkdir("folder", 0755);
    make_file("folder/file.txt", "inside");
    const std::array<std::array<std::string, 2>, 9> links{{
        {outside, "outside"},
        {outside + "/secret.txt", "secret"},
        {"/", "root"},
        {"../../..", "up"},
        {"../patch.cfg", "patch"},
        {"loop_b", "loop_a"},
        {"loop_a", "loop_b"},
        {"nothing", "dangling"},
        {std::string(4000, 'l'), "long"},
    }};
    bool done = true;
    for (const auto& [target, name] : links)
        done = ::symlink(target.c_str(), name.c_str()) == 0 && done;
    return outcome(done);
}

/// A directory of the last run becomes a link to a directory outside.
std::string swap_folder(Call& call) {
    ::rename("folder", "../folder");
    return outcome(::symlink(std::string(call.argument).c_str(), "folder") == 0);
}

/// The state directory itself becomes a link to a directory outside.
std::string swap_state(Call& call) {
    return outcome(::rename("../state", "../moved") == 0 &&
                   ::symlink(std::string(call.argument).c_str(), "../state") == 0);
}

std::string move_state(Call&) {
    return outcome(::rename("../state", "../moved") == 0);
}

std::string strange_names(Call&) {
    const std::array<std::string, 8> names{
        std::string(255, 'n'), "\xff\xfe\x80", "new\nline", "-rf", " ", "...",
        "tab\tbell\a",         "\xc3\x28"};
    bool done = true;
    for (const std::string& name : names)
        done = make_file(name, name) && done;
    ::mkdir(std::string(255, 'd').c_str(), 0755);
    done = make_file(std::string(255, 'd') + "/" + std::string(255, 'f'), "deep") && done;
    return outcome(done);
}

std::string deep(Call& call) {
    const std::size_t wanted = std::min(number(call.argument), depth_max);
    for (std::size_t level = 0; level < wanted; ++level)
        if (::mkdir("d", 0755) != 0 || ::chdir("d") != 0)
            return outcome(false) + " at " + std::to_string(level);
    return outcome(make_file("bottom.txt", "bottom"));
}

std::string many_files(Call& call) {
    const std::size_t wanted = std::min(number(call.argument), files_max);
    ::mkdir("many", 0755);
    for (std::size_t i = 0; i < wanted; ++i)
        if (!make_file("many/" + std::to_string(i), "x"))
            return outcome(false);
    return "made " + std::to_string(wanted);
}

std::string remove_files(Call& call) {
    for (std::size_t i = 0; i < std::min(number(call.argument), files_max); ++i)
        ::unlink(("many/" + std::to_string(i)).c_str());
    return outcome(::rmdir("many") == 0);
}

/// Several names for one file, inside, beside, and of the configuration.
std::string hard_links(Call&) {
    make_file("one.txt", "shared");
    make_file("../private.txt", "private");
    const bool done =
        ::link("one.txt", "two.txt") == 0 && ::link("one.txt", "../outside.txt") == 0 &&
        ::link("../private.txt", "private.txt") == 0 && ::link(patch_file, "patch.txt") == 0;
    return outcome(done);
}

/// Changes the state through a name outside of it, and the configuration through one inside.
std::string write_through_links(Call&) {
    const bool done = make_file("../outside.txt", "changed outside") &&
                      make_file("../private.txt", "changed private") &&
                      make_file("patch.txt", "not a configuration");
    return outcome(done);
}

std::string special_files(Call&) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    "socket"sv.copy(address.sun_path, sizeof address.sun_path - 1);
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const auto* const any = reinterpret_cast<const sockaddr*>(&address);
    const bool bound = ::bind(fd, any, sizeof address) == 0;
    ::mkdir("sub", 0755);
    const bool made = ::mkfifo("fifo", 0644) == 0 && ::mkfifo("sub/fifo", 0644) == 0;
    ::mknod("device", S_IFCHR | 0600, 0x0103); // /dev/null; for the superuser only
    return outcome(bound && made);
}

/// Modes and ownership that the next run must not find.
std::string strange_modes(Call&) {
    const bool done = make_file("set.txt", "x") && ::chmod("set.txt", 07777) == 0 &&
                      make_file("none.txt", "x") && ::chmod("none.txt", 0) == 0 &&
                      ::mkdir("sticky", 0755) == 0 && ::chmod("sticky", 01777) == 0;
    return outcome(done);
}

constexpr std::array behaviours{
    Behaviour{"write", write_file},
    Behaviour{"delete_patch", delete_patch},
    Behaviour{"garble_patch", garble_patch},
    Behaviour{"replace_patch", replace_patch},
    Behaviour{"lock_out", lock_out},
    Behaviour{"fill", fill},
    Behaviour{"fill_beside", fill_beside},
    Behaviour{"sparse", sparse},
    Behaviour{"symlinks", symlinks},
    Behaviour{"swap_folder", swap_folder},
    Behaviour{"swap_state", swap_state},
    Behaviour{"move_state", move_state},
    Behaviour{"strange_names", strange_names},
    Behaviour{"deep", deep},
    Behaviour{"many_files", many_files},
    Behaviour{"remove_files", remove_files},
    Behaviour{"hard_links", hard_links},
    Behaviour{"write_through_links", write_through_links},
    Behaviour{"special_files", special_files},
    Behaviour{"strange_modes", strange_modes},
};

} // namespace

std::span<const Behaviour> file_behaviours() {
    return behaviours;
}

} // namespace hp::bad
