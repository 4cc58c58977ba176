// SPDX-License-Identifier: Apache-2.0
// A bundle as one file (.hpb): a plain POSIX ustar archive that tar reads, but with exactly one way
// to write each tree: names in the order of their bytes, no folders, owner 0, time 0, modes 0644
// and 0755. So equal trees are equal files, and the hash of one names the other. Pure.
#pragma once

#include "hp/base/ids.hpp"
#include "project/file_tree.hpp"

namespace hp::dev {

// Fails for names of more than 255 bytes, or that ustar cannot split.
cli::Parsed<Bytes> encode_archive(const FileTree& tree);

// Anything that encode_archive would have written otherwise is refused.
cli::Parsed<FileTree> decode_archive(ByteView archive);

} // namespace hp::dev
