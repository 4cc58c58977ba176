// SPDX-License-Identifier: Apache-2.0
#include "project/toolkit.hpp"

#include <cstdlib>
#include <unistd.h>
#include <vector>

namespace hp::dev {

namespace fs = std::filesystem;

fs::path own_program() {
    std::error_code error;
    return fs::read_symlink("/proc/self/exe", error);
}

std::optional<fs::path> find_cmake_package() {
    // <prefix>/bin/hpdev and <prefix>/lib[/<architecture>]/cmake/HotPocket, as in a build folder.
    const fs::path prefix = own_program().parent_path().parent_path();
    std::error_code error;
    std::vector<fs::path> libraries = {prefix / "lib", prefix / "lib64"};
    for (fs::directory_iterator at(prefix / "lib", error), end; !error && at != end;
         at.increment(error)) {
        if (at->path().filename().string().find("-linux-") != std::string::npos) {
            libraries.push_back(at->path());
        }
    }
    for (const fs::path& library : libraries) {
        const fs::path out = library / "cmake" / "HotPocket";
        if (fs::is_regular_file(out / "HotPocketConfig.cmake", error)) {
            return out;
        }
    }
    return std::nullopt;
}

std::optional<std::string> find_in_path(std::string_view name) {
    const char* path = ::getenv("PATH");
    std::string_view rest = path == nullptr ? "/usr/local/bin:/usr/bin:/bin" : path;
    while (!rest.empty()) {
        const std::size_t colon = rest.find(':');
        const fs::path candidate = fs::path(rest.substr(0, colon)) / name;
        std::error_code error;
        if (candidate.is_absolute() && fs::is_regular_file(candidate, error) &&
            ::access(candidate.c_str(), X_OK) == 0) {
            return candidate.string();
        }
        rest.remove_prefix(colon == std::string_view::npos ? rest.size() : colon + 1);
    }
    return std::nullopt;
}

} // namespace hp::dev
