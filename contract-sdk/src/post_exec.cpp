// SPDX-License-Identifier: Apache-2.0
//
// Writing post_exec.sh.
//
// Threads: one thread at a time.
#include <hp/contract/files.hpp>
#include <hp/contract/post_exec.hpp>

namespace hp::contract {

Status write_post_exec(const Context& context, std::string_view script) {
    if (context.readonly())
        return Error(std::errc::operation_not_permitted,
                     "a read request cannot leave a post_exec.sh");
    if (script.substr(0, 2) != "#!")
        return Error(std::errc::invalid_argument, "post_exec.sh must begin with #!");
    return replace_file(std::string(post_exec_name), script, 0755);
}

} // namespace hp::contract
