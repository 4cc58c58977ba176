// SPDX-License-Identifier: Apache-2.0
//
// run_handler(): a contract's handler in this process. The handler runs on the caller's thread, the
// node's side on one beside it, because a full channel blocks whoever writes to it.
//
// Threads: see testing.hpp.
#include "../src/context_impl.hpp"
#include "../src/handler_call.hpp"
#include "node_side.hpp"

#include <hp/contract/testing.hpp>

#include <exception>
#include <thread>

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

namespace hp::contract::testing {
namespace {

/// Working directory and umask as a node sets them, and back.
class Surroundings {
public:
    explicit Surroundings(const RunSpec& spec)
        : old_directory_(::open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), "open the directory") {
        if (!spec.directory.empty() && ::chdir(spec.directory.c_str()) != 0)
            detail::fail("chdir");
        old_umask_ = ::umask(spec.umask);
    }
    Surroundings(const Surroundings&) = delete;
    Surroundings& operator=(const Surroundings&) = delete;
    ~Surroundings() {
        ::umask(old_umask_);
        // It was there a moment ago; if it has gone, every relative path of the test has as well.
        [[maybe_unused]] const int done = ::fchdir(old_directory_.get());
    }

private:
    detail::Fd old_directory_;
    mode_t old_umask_ = 0;
};

/// The thread of the node's side. Ends when told that the handler has returned.
class NodeThread {
public:
    explicit NodeThread(detail::NodeSide& node)
        : ended_(::eventfd(0, EFD_CLOEXEC), "eventfd"), thread_([this, &node] {
              try {
                  node.serve(ended_.get(), false);
              } catch (...) {
                  node.close_channels(); // or the handler might wait for ever
                  error_ = std::current_exception();
              }
          }) {}
    NodeThread(const NodeThread&) = delete;
    NodeThread& operator=(const NodeThread&) = delete;
    ~NodeThread() { end(); }

    /// Throws what went wrong there.
    void finish() {
        end();
        if (error_)
            std::rethrow_exception(error_);
    }

private:
    void end() noexcept {
        const std::uint64_t one = 1;
        [[maybe_unused]] const ssize_t written = ::write(ended_.get(), &one, sizeof one);
        if (thread_.joinable())
            thread_.join();
    }

    detail::Fd ended_;
    std::exception_ptr error_;
    std::thread thread_; ///< last: it uses the members above from its first moment
};

/// The contract's ends now belong to the Context.
void release_contract_ends(detail::Channels& channels) {
    static_cast<void>(channels.inputs.release());
    static_cast<void>(channels.control.contract.release());
    static_cast<void>(channels.npl.contract.release());
    for (detail::Pair& user : channels.users)
        static_cast<void>(user.contract.release());
}

} // namespace

RunOutcome run_handler(const Handler& handler, const RunSpec& spec) {
    detail::Channels channels(spec);
    detail::NodeSide node(spec, channels);
    std::string document = channels.describe(spec);
    std::string error;
    auto impl = hp::contract::detail::make_context(document, error);
    if (!impl) {
        RunOutcome refused;
        refused.exit_code = exit_bad_start;
        refused.failure = "the specification makes no usable document: " + error;
        refused.document = std::move(document);
        return refused;
    }
    release_contract_ends(channels);
    hp::contract::detail::HandlerOutcome result;
    {
        NodeThread thread(node);
        {
            Context context(std::move(impl));
            const Surroundings surroundings(spec);
            result = hp::contract::detail::call_handler(handler, context);
            static_cast<void>(context.control().contract_end());
        }
        thread.finish();
    }
    RunOutcome outcome = node.take_outcome();
    outcome.exit_code = result.exit_code;
    outcome.failure = result.failure.data();
    outcome.document = std::move(document);
    return outcome;
}

} // namespace hp::contract::testing
