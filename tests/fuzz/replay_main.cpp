// SPDX-License-Identifier: Apache-2.0
// Feeds every file of the given directories to a fuzz target, once and in a fixed order: the
// regression test of what fuzzing has found, for builds without libFuzzer. Main thread only.
#include "fuzz_input.hpp"

#include <algorithm>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

namespace {

namespace fs = std::filesystem;

std::vector<fs::path> files_of(const fs::path& directory) {
    std::vector<fs::path> files;
    for (const fs::directory_entry& entry : fs::directory_iterator(directory)) {
        if (entry.is_regular_file()) {
            files.push_back(entry.path());
        }
    }
    std::sort(files.begin(), files.end());
    return files;
}

void replay(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    const hp::Bytes bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    // Said beforehand: a failing target aborts.
    std::printf("%s (%zu bytes)\n", file.c_str(), bytes.size());
    std::fflush(stdout);
    LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
}

int replay_all(int argc, char** argv) {
    std::size_t count = 0;
    LLVMFuzzerTestOneInput(nullptr, 0);
    for (int i = 1; i < argc; ++i) {
        for (const fs::path& file : files_of(argv[i])) {
            replay(file);
            ++count;
        }
    }
    std::printf("%zu inputs\n", count);
    return count > 0 ? 0 : 1; // a corpus that is not there must not look like success
}

} // namespace

int main(int argc, char** argv) {
    try {
        return replay_all(argc, argv);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "replay: %s\n", error.what());
        return 2;
    }
}
