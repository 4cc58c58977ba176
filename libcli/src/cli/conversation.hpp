// SPDX-License-Identifier: Apache-2.0
// Several users talking to one server over sessions that stay open: what scripts, recordings and
// the shell are made of. Everything is answered later, through callbacks on the reactor. One
// thread.
#pragma once

#include "cli/args.hpp"
#include "hp/client/client.hpp"
#include "hp/client/receipt.hpp"

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace hp::cli {

// What became of an input.
struct SendResult {
    client::SentInput input;
    std::optional<proto::RejectReason> rejected;
    LedgerId ledger; // accepted only
    std::vector<Bytes> outputs;
};

template <class T>
using Later = std::function<void(tl::expected<T, Failure>)>;

class Conversation {
public:
    Conversation(const Args& args, net::Reactor& reactor);
    ~Conversation();
    Conversation(const Conversation&) = delete;
    Conversation& operator=(const Conversation&) = delete;

    // The user for what follows: a stored key's name or "ephemeral". Connects when it is new.
    void use(const std::string& name, Later<void> on_done);
    void send(Bytes payload, Expiry expires, Later<SendResult> on_done);
    void read(Bytes payload, Later<Bytes> on_done);
    void status(Later<proto::StatResponse> on_done);
    // Until this ledger has closed; relative: so many from now.
    void wait_ledger(LedgerSeq seq, bool relative, Later<LedgerSeq> on_done);

    const std::string& user() const { return user_; }
    const std::string& url() const;
    LedgerSeq lcl() const { return lcl_; }

    // Limit of each of the calls above.
    std::int64_t timeout_ms = 60'000;
    // Every ledger, and outputs that no pending input has asked for.
    std::function<void(const proto::LedgerHeader&)> on_ledger;
    std::function<void(const std::string& user, const client::Output&)> on_output;
    std::function<void(const std::string& user, const std::string& why)> on_lost;

private:
    struct Pending {
        client::Receipt receipt;
        SendResult result;
        Later<SendResult> on_done; // empty once answered
        std::unique_ptr<net::Timer> deadline;
    };
    struct User {
        std::string name;
        client::Signer signer;
        std::unique_ptr<client::Client> client;
        bool is_connected = false;
        std::list<std::shared_ptr<Pending>> pending;
    };

    void connect(const std::shared_ptr<User>& user, std::size_t attempt, Later<void> on_done);
    void settle(const std::shared_ptr<User>& user, const std::shared_ptr<Pending>& pending);
    void on_ledger_event(const std::shared_ptr<User>& user, const proto::LedgerHeader& ledger);
    void on_output_event(const std::shared_ptr<User>& user, const client::Output& output);
    std::shared_ptr<User> current(); // null when not connected
    tl::expected<std::uint64_t, Failure> next_nonce(const User& user);

    const Args& args_;
    net::Reactor& reactor_;
    std::map<std::string, std::shared_ptr<User>> users_;
    std::string user_;
    std::size_t server_ = 0; // the one that answered
    LedgerSeq lcl_ = 0;
    struct LedgerWait {
        LedgerSeq seq;
        Later<LedgerSeq> on_done;
    };
    std::list<LedgerWait> ledger_waits_;
};

} // namespace hp::cli
