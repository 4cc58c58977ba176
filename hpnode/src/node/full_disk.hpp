// SPDX-License-Identifier: Apache-2.0
// A disk without space, for development clusters: from now on until its end the kernel answers this
// process's positional writes (votes, SQLite, state) with ENOSPC, whoever asks for them. A seccomp
// filter needs no rights and no file system of its own, and reads go on as on a real full disk. The
// log, which is written otherwise, goes on as well. Reactor thread only.
#pragma once

#include "hp/base/result.hpp"

namespace hp::node {

// Errc::unavailable where the kernel allows no filters. There is no way back.
Status fill_disk();

} // namespace hp::node
