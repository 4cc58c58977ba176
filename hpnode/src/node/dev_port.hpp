// SPDX-License-Identifier: Apache-2.0
// Where a node of a development cluster takes its owner's orders (dev_orders.hpp): a local socket,
// one order a connection. Deploys are remembered in a file, because a run that a crash cut off is
// repeated with the same files. Reactor thread only.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "contract/run.hpp"
#include "hp/base/log.hpp"
#include "hp/config/contract_dir.hpp"
#include "hp/net/document_server.hpp"
#include "node/dev_orders.hpp"

namespace hp::node {

class DevPort {
public:
    struct Handlers {
        std::function<LedgerSeq()> lcl;
        std::function<void(const DeployOrder&)> deploy;
        std::function<void(const FaultOrder&)> faults;
    };

    // Reads what was ordered before. The reactor and `dir` must outlive this object.
    static Result<std::unique_ptr<DevPort>> open(const config::ContractDir& dir, Log log);
    ~DevPort();
    DevPort(const DevPort&) = delete;
    DevPort& operator=(const DevPort&) = delete;

    const std::vector<DeployOrder>& deploys() const { return deploys_; }

    // Takes orders from now on.
    Status listen(net::Reactor& reactor, Handlers handlers);

    // Makes the run go wrong as ordered.
    void distort(contract::RunSpec& spec) const;

private:
    DevPort(const config::ContractDir& dir, Log log) : dir_(dir), log_(std::move(log)) {}
    Status carry_out(const std::string& line);
    Status take(const DeployOrder& order);
    Status take(const FaultOrder& order);
    Status write_script();

    const config::ContractDir& dir_;
    Log log_;
    Handlers handlers_;
    std::vector<DeployOrder> deploys_; // ascending
    FaultOrder faults_;
    std::unique_ptr<net::DocumentServer> server_;
};

} // namespace hp::node
