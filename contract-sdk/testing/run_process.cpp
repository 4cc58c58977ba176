// SPDX-License-Identifier: Apache-2.0
//
// run_process(): a contract as a program of its own.
//
// Threads: one thread at a time.
#include "node_side.hpp"
#include "process.hpp"

#include <hp/contract/testing.hpp>

#include <sys/wait.h>

namespace hp::contract::testing {
namespace {

std::vector<int> inherited_fds(const detail::Channels& channels) {
    std::vector<int> fds{channels.inputs.get(), channels.control.contract.get()};
    if (channels.npl.contract.is_open())
        fds.push_back(channels.npl.contract.get());
    for (const detail::Pair& user : channels.users)
        fds.push_back(user.contract.get());
    return fds;
}

/// The contract's ends: as long as the test holds them too, nobody can see that the contract has
/// closed them.
void close_contract_ends(detail::Channels& channels) {
    channels.control.contract.close();
    channels.npl.contract.close();
    for (detail::Pair& user : channels.users)
        user.contract.close();
}

std::string make_document(const detail::Channels& channels, const RunSpec& spec) {
    std::string document = channels.describe(spec);
    return spec.edit_document ? spec.edit_document(std::move(document)) : document;
}

} // namespace

RunOutcome run_process(const RunSpec& spec) {
    detail::Channels channels(spec);
    detail::NodeSide node(spec, channels);
    detail::Pair out = detail::make_pipe();
    detail::Pair err = detail::make_pipe();
    detail::Pair in;
    std::string document;
    detail::ProcessSpec start{spec.program,       spec.args,          spec.environment,
                              spec.directory,     spec.umask,         spec.stdin_fd,
                              out.contract.get(), err.contract.get(), inherited_fds(channels)};
    if (spec.stdin_fd < 0) {
        document = make_document(channels, spec);
        if (spec.stdin_from_pipe) {
            in = detail::make_pipe();
            std::swap(in.host, in.contract); // the contract reads
            node.feed_stdin(std::move(in.host), document);
        } else {
            in.contract = detail::make_file("stdin", document);
        }
        start.stdin_fd = in.contract.get();
    }
    detail::Process process(start);
    node.collect_streams(std::move(out.host), std::move(err.host));
    for (detail::Pair* pair : {&out, &err, &in})
        pair->contract.close();
    close_contract_ends(channels);

    node.serve(process.ended_fd(), true);
    // Not only at a time-out: a run is over, children in the background included, when the process
    // that was started ends. Its exit status is kept until it is collected.
    process.kill();
    const int status = process.collect();
    node.drain();
    RunOutcome outcome = node.take_outcome();
    outcome.document = std::move(document);
    if (WIFEXITED(status))
        outcome.exit_code = WEXITSTATUS(status);
    else
        outcome.signal = WTERMSIG(status);
    return outcome;
}

} // namespace hp::contract::testing
