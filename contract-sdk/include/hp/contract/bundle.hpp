// SPDX-License-Identifier: Apache-2.0
//
// How a contract replaces its own files by those of a bundle, and takes that back when the new
// program does not work:
//
//   1. read_bundle() checks what somebody has uploaded.
//   2. stage_bundle() unpacks it into next/, copies what it replaces or removes to ../previous
//      (outside the state: it need not be agreed on) and leaves a post_exec.sh behind.
//   3. When this program has ended, post_exec.sh puts the new files into place, removes those that
//      are no longer wanted, and asks the new program for its health. If that fails, everything is
//      put back.
//   4. The next run, of whichever program, learns from take_bundle_outcome() how it went.
//
// The file bundle.files in the state lists what came with the bundle that runs, so that the next
// one can remove what it lacks. take_bundle_outcome() writes it in the first run of all, when there
// is nothing else in the state: call it at the start of every run.
//
// Who may do so, and when, is the contract's business: a node takes any program that a contract
// puts into its own state.
//
// Threads: one thread at a time.
#pragma once

#include <hp/contract/context.hpp>
#include <hp/contract/result.hpp>

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace hp::contract {

struct BundleFile {
    std::string_view content;
    bool executable = false;
};

/// By their path.
using Bundle = std::map<std::string, BundleFile>;

/// What `hpdev bundle` writes: a ustar archive of ordinary files. Their names may have letters,
/// digits, dots, dashes and underscores; no part is hidden or leads elsewhere. Left out is what
/// nodes need for their first start and not in the state: hp.cfg.override and disparate/. Refused
/// is what has a meaning here: post_exec.sh, bundle.files, bundle.outcome and next/. The contents
/// are views into `bytes`. Errors: errc::bad_message.
[[nodiscard]] Result<Bundle> read_bundle(std::string_view bytes);

/// Steps 2 and 3. `health` is a command line for /bin/sh, run in the state directory with the new
/// files in it; it has 5 seconds, and anything but exit code 0 takes everything back. Errors:
/// errc::operation_not_permitted in read-only mode, those of the file system.
Status stage_bundle(const Context& context, const Bundle& bundle, std::string_view health);

/// Empty: the new files stay; otherwise why they were taken back. Nothing if no bundle was staged
/// in the run before, when it is asked a second time, and in read-only mode.
[[nodiscard]] std::optional<std::string> take_bundle_outcome(const Context& context);

} // namespace hp::contract
