// SPDX-License-Identifier: Apache-2.0
// What somebody who shall find a fault has to know about a project and its clusters, as files:
// versions, machine, settings, what nodes say about themselves, the ends of logs. Without private
// keys, environments and the contents of states. Blocking.
#pragma once

#include "cli/checks.hpp"
#include "cluster/places.hpp"
#include "project/file_tree.hpp"

namespace hp::dev {

struct ReportWanted {
    std::size_t log_lines_max = 500; // of each log; 0: none
};

// `checks` is what the doctor has found.
Expected<FileTree> collect_report(const Place& place, const cli::Checks& checks,
                                  const ReportWanted& wanted);

// As one file: a tar archive, compressed when the name says so (.tar.zst, .tar).
Expected<Bytes> pack_report(const FileTree& files, const fs::path& name);

} // namespace hp::dev
