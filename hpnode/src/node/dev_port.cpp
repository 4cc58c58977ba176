// SPDX-License-Identifier: Apache-2.0
#include "node/dev_port.hpp"

#include <unistd.h>

#include <algorithm>

#include "hp/base/limits.hpp"
#include "hp/os/files.hpp"
#include "hp/os/local_socket.hpp"
#include "node/full_disk.hpp"

namespace hp::node {
namespace {

// Orders older than this are forgotten: no run that a crash has cut off is.
constexpr LedgerSeq ledgers_kept = 1000;

// Beside the state, where contracts of every sandbox may read.
std::filesystem::path script_file(const config::ContractDir& dir) {
    return dir.seed() / ".dev_fault.sh";
}

// What runs in the contract's place. $0 and its arguments are followed by the real program's.
std::string script_text(const FaultOrder& order) {
    constexpr const char* run_it = "\"$HP_DEV_PROGRAM\" \"$@\"\n";
    switch (order.contract) {
    case ContractFault::crash:
        return "#!/bin/sh\nkill -SEGV $$\n";
    case ContractFault::hang:
        return "#!/bin/sh\nexec sleep 100000\n";
    case ContractFault::slow:
        return "#!/bin/sh\nsleep " + std::to_string(order.slow_ms / 1000) + "." +
               std::to_string(1000 + order.slow_ms % 1000).substr(1) + "\nexec " + run_it;
    case ContractFault::differ:
        return "#!/bin/sh\n" + std::string(run_it) +
               "code=$?\nod -An -N8 -tx8 /dev/urandom > dev_fault_differs\nexit $code\n";
    case ContractFault::none:
        break;
    }
    return "";
}

} // namespace

Result<std::unique_ptr<DevPort>> DevPort::open(const config::ContractDir& dir, Log log) {
    if (!HP_DEV_ORDERS) {
        return fail(Errc::invalid, "dev.enabled: this hpnode was built without development orders");
    }
    std::unique_ptr<DevPort> out(new DevPort(dir, std::move(log)));
    const auto stored = os::read_file(dir.dev_deploys(), limits::config_bytes_max);
    if (stored) {
        auto deploys = decode_deploys(*stored);
        if (!deploys) {
            return fail(Errc::invalid, dir.dev_deploys().string() + ": " + deploys.err().context);
        }
        out->deploys_ = std::move(*deploys);
    } else if (stored.err().code != Errc::not_found) {
        return fail(stored.err());
    }
    return out;
}

DevPort::~DevPort() {
    if (server_) {
        server_.reset();
        ::unlink(dir_.dev_socket().c_str());
    }
}

Status DevPort::listen(net::Reactor& reactor, Handlers handlers) {
    handlers_ = std::move(handlers);
    HP_TRY(os::Fd socket, os::listen_local(dir_.dev_socket()));
    server_ = std::make_unique<net::DocumentServer>(
        reactor, std::move(socket), limits::dev_order_bytes_max,
        [this](const std::string& line) { return encode_dev_answer(carry_out(line)); });
    log_.warning("dev.enabled: this node takes orders to change the contract and to misbehave");
    return {};
}

Status DevPort::carry_out(const std::string& line) {
    HP_TRY(const DevOrder order, decode_dev_order(line));
    return std::visit([this](const auto& one) { return take(one); }, order);
}

Status DevPort::take(const DeployOrder& order) {
    if (order.at <= handlers_.lcl()) {
        return fail(Errc::invalid, "ledger " + std::to_string(order.at) + " is closed already");
    }
    std::vector<DeployOrder> deploys = deploys_;
    const auto same =
        std::ranges::find_if(deploys, [&order](const auto& one) { return one.at == order.at; });
    if (same != deploys.end()) { // which of two comes last would differ between nodes
        return *same == order ? Status()
                              : fail(Errc::invalid, "there is another order for ledger " +
                                                        std::to_string(order.at));
    }
    std::erase_if(deploys, [this](const DeployOrder& other) {
        return other.at + ledgers_kept < handlers_.lcl();
    });
    deploys.push_back(order);
    std::sort(deploys.begin(), deploys.end(),
              [](const DeployOrder& a, const DeployOrder& b) { return a.at < b.at; });
    const std::string text = encode_deploys(deploys);
    HP_TRY_STATUS(os::replace_file(dir_.dev_deploys(), as_bytes(text), 0644));
    deploys_ = std::move(deploys);
    log_.info("a bundle will be deployed", {{"seq", order.at}, {"bundle", order.bundle.string()}});
    handlers_.deploy(order);
    return {};
}

Status DevPort::take(const FaultOrder& order) {
    faults_ = order;
    HP_TRY_STATUS(write_script());
    if (order.disk_full) {
        HP_TRY_STATUS(fill_disk());
    }
    log_.info("faults are ordered", {{"links", order.links.size()},
                                     {"contract", order.contract != ContractFault::none},
                                     {"disk", order.disk_full}});
    handlers_.faults(order);
    return {};
}

Status DevPort::write_script() {
    if (faults_.contract == ContractFault::none) {
        ::unlink(script_file(dir_).c_str());
        return {};
    }
    const std::string text = script_text(faults_);
    return os::replace_file(script_file(dir_), as_bytes(text), 0755);
}

void DevPort::distort(contract::RunSpec& spec) const {
    if (faults_.contract == ContractFault::none) {
        return;
    }
    const std::filesystem::path program(spec.bin_path);
    spec.environment["HP_DEV_PROGRAM"] =
        program.is_absolute() ? spec.bin_path : "./" + spec.bin_path;
    spec.bin_path = script_file(dir_).string();
}

} // namespace hp::node
