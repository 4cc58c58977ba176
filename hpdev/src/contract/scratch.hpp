// SPDX-License-Identifier: Apache-2.0
// Directories that runs work in: made below the system's place for temporary files, removed at the
// end unless they are to be kept; and copies of trees as deploying makes them. Blocking; one owner.
#pragma once

#include "hp/base/result.hpp"

#include <filesystem>

namespace hp::dev {

class Scratch {
public:
    static Result<Scratch> make();
    Scratch(Scratch&& other) noexcept;
    Scratch& operator=(Scratch&&) = delete;
    ~Scratch();

    const std::filesystem::path& path() const { return path_; }
    void keep() { kept_ = true; }

private:
    explicit Scratch(std::filesystem::path path) : path_(std::move(path)) {}

    std::filesystem::path path_; // empty: moved from
    bool kept_ = false;
};

enum class CopyOrder { by_name, by_name_reversed };

// Files, directories and symbolic links below `from` to `to`, which is made; whatever else lies
// there is no content. Permissions as a node gives them: all that counts is who may execute.
Status copy_folder(const std::filesystem::path& from, const std::filesystem::path& to,
                   CopyOrder order = CopyOrder::by_name);

// However little a contract has left its owner to do there.
void remove_tree(const std::filesystem::path& path);

} // namespace hp::dev
