// SPDX-License-Identifier: Apache-2.0
// `hpnode status`: asks the node that runs in a directory over its local socket.
#include <filesystem>
#include <iostream>

#include <nlohmann/json.hpp>

#include "hp/base/limits.hpp"
#include "hp/config/contract_dir.hpp"
#include "hp/os/local_socket.hpp"
#include "node/commands.hpp"
#include "node/status.hpp"

namespace hp::node {
namespace {

using Json = nlohmann::ordered_json;

struct Refusal {
    int exit = exit_failed;
    std::string why;
};

Refusal explain(const config::ContractDir& dir, const Error& error) {
    switch (error.code) {
    case Errc::not_found:
    case Errc::closed:
        return {exit_not_ready, "no node is running in " + dir.root.string()};
    case Errc::timeout:
        return {exit_timeout, "the node in " + dir.root.string() + " does not answer"};
    default:
        return {exit_failed, error.context};
    }
}

int refuse(const Refusal& refusal, bool json) {
    if (json) {
        const Json out = {{"schema", "hp.node.status/1"},
                          {"ok", false},
                          {"exit", refusal.exit},
                          {"error", refusal.why}};
        std::cout << out.dump(-1, ' ', false, Json::error_handler_t::replace) << "\n";
    } else {
        std::cerr << "hpnode: error: " << refusal.why << "\n";
    }
    return refusal.exit;
}

Result<std::string> ask(const config::ContractDir& dir) {
    HP_TRY(const os::Fd socket, os::connect_local(dir.status_socket()));
    HP_TRY(const Bytes answer,
           os::read_to_end(socket, limits::status_bytes_max, limits::status_timeout_ms));
    if (answer.empty()) {
        return fail(Errc::timeout, "too many ask at the same time");
    }
    return to_text(answer);
}

} // namespace

int command_status(const std::string& directory, bool json) {
    const config::ContractDir dir = config::contract_dir(directory);
    std::error_code ignored;
    if (!std::filesystem::exists(dir.config(), ignored)) {
        return refuse({exit_not_found, dir.root.string() + " is not a node's directory"}, json);
    }
    const auto document = ask(dir);
    if (!document) {
        return refuse(explain(dir, document.err()), json);
    }
    const auto shown = render_status(*document); // also tells whether it is a status
    if (!shown) {
        return refuse({exit_failed, shown.err().context}, json);
    }
    std::cout << (json ? *document : *shown) << std::flush;
    return exit_ok;
}

} // namespace hp::node
