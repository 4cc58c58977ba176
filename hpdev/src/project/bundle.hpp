// SPDX-License-Identifier: Apache-2.0
// What nodes get of a project: the files of the state, hp.cfg.override (which names the program)
// and disparate/<n>/ (files of single nodes). As a tree, as the folder .hp/bundle, as one file. The
// same project gives the same bytes, wherever it lies and whoever builds it. Blocking file work.
#pragma once

#include "bundle_names.hpp"
#include "hp/base/ids.hpp"
#include "project/archive.hpp"
#include "project/project.hpp"

namespace hp::dev {

// Collects the files that hpdev.toml names, hp.cfg.override and disparate/ beside it.
cli::Parsed<FileTree> collect_bundle(const Project& project);

struct Bundle {
    std::filesystem::path folder;
    FileTree files;
    Hash32 hash{}; // BLAKE3 of its archive
};

// Collects and replaces the folder .hp/bundle, or leaves it untouched when nothing has changed.
cli::Parsed<Bundle> make_bundle(const Project& project);

cli::Parsed<Hash32> hash_of(const FileTree& files);

} // namespace hp::dev
