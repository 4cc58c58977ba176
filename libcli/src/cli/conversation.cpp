// SPDX-License-Identifier: Apache-2.0
#include "cli/conversation.hpp"

#include "cli/keys.hpp"
#include "cli/session.hpp"
#include "cli/trust.hpp"

#include <algorithm>

namespace hp::cli {

Conversation::Conversation(const Args& args, net::Reactor& reactor)
    : timeout_ms(args.connection.timeout_ms.value_or(60'000)), args_(args), reactor_(reactor) {}

Conversation::~Conversation() = default;

const std::string& Conversation::url() const {
    return args_.connection.servers[server_];
}

std::shared_ptr<Conversation::User> Conversation::current() {
    const auto found = users_.find(user_);
    return found == users_.end() || !found->second->is_connected ? nullptr : found->second;
}

void Conversation::use(const std::string& name, Later<void> on_done) {
    user_ = name;
    if (current()) {
        reactor_.post([on_done = std::move(on_done)] { on_done({}); });
        return;
    }
    auto key = choose_key(args_, name, ephemeral_key);
    if (!key) {
        reactor_.post([on_done = std::move(on_done), problem = key.error()] {
            on_done(tl::unexpected(problem));
        });
        return;
    }
    auto user = std::make_shared<User>();
    user->name = name;
    user->signer = key->signer;
    users_[name] = user;
    connect(user, server_, std::move(on_done));
}

void Conversation::connect(const std::shared_ptr<User>& user, std::size_t attempt,
                           Later<void> on_done) {
    const std::string& url = args_.connection.servers[attempt];
    auto pin = pin_for(args_, url);
    if (!pin) {
        reactor_.post([on_done = std::move(on_done), problem = pin.error()] {
            on_done(tl::unexpected(problem));
        });
        return;
    }
    // The client belongs to the user: it must not keep it alive.
    const std::weak_ptr<User> weak = user;
    client::Events events;
    events.on_ledger = [this, weak](const proto::LedgerHeader& ledger) {
        if (const auto self = weak.lock()) {
            on_ledger_event(self, ledger);
        }
    };
    events.on_output = [this, weak](const client::Output& output) {
        if (const auto self = weak.lock()) {
            on_output_event(self, output);
        }
    };
    events.on_closed = [this, weak](const net::CloseInfo& info) {
        if (const auto self = weak.lock()) {
            self->is_connected = false;
            if (on_lost) {
                on_lost(self->name, info.reason.empty() ? "connection lost" : info.reason);
            }
        }
    };
    const Pin* known = *pin ? &**pin : nullptr;
    user->client = std::make_unique<client::Client>(
        reactor_, client_options(args_, url, user->signer, known, timeout_ms), std::move(events),
        args_.log);
    user->client->connect(
        [this, weak, attempt, url, known_pin = *pin, on_done](const client::ServerInfo& server) {
            const auto self = weak.lock();
            server_ = attempt;
            self->is_connected = true;
            note_server(args_, url, server, known_pin);
            self->client->subscribe(proto::Channel::ledger_event, true);
            self->client->lcl([this, on_done](const Result<LedgerId>& lcl) {
                if (lcl) {
                    lcl_ = std::max(lcl_, lcl->seq);
                    on_done({});
                } else {
                    on_done(tl::unexpected(call_failure(lcl.err())));
                }
            });
        },
        [this, weak, attempt, url, on_done](const client::ConnectError& error) {
            const std::size_t next = (attempt + 1) % args_.connection.servers.size();
            const bool passing = error.problem == client::ConnectProblem::transport ||
                                 error.problem == client::ConnectProblem::busy;
            if (passing && next != server_) {
                reactor_.post([this, weak, next, on_done] {
                    if (const auto self = weak.lock()) {
                        connect(self, next, on_done);
                    }
                });
                return;
            }
            on_done(tl::unexpected(connect_failure(url, error)));
        });
}

tl::expected<std::uint64_t, Failure> Conversation::next_nonce(const User& user) {
    const auto store = open_key_store();
    if (!store) {
        return tl::unexpected(store.error());
    }
    const TimeMs now = SystemClock().now().wall_ms;
    if (user.name == ephemeral_key) { // the library counts
        return std::uint64_t{0};
    }
    const auto nonce = store->next_nonce(user.signer.public_key(), now);
    return nonce ? tl::expected<std::uint64_t, Failure>(*nonce)
                 : tl::unexpected(key_failure(nonce.err()));
}

void Conversation::send(Bytes payload, Expiry expires, Later<SendResult> on_done) {
    const auto user = current();
    const auto nonce =
        user ? next_nonce(*user) : failure(ErrorId::connection_lost, "there is no connection");
    if (!nonce) {
        reactor_.post([on_done = std::move(on_done), problem = nonce.error()] {
            on_done(tl::unexpected(problem));
        });
        return;
    }
    client::Submission submission;
    submission.input = std::move(payload);
    if (*nonce > 0) {
        submission.nonce = *nonce;
    }
    submission.max_ledger_seq =
        expires.absolute ? expires.value : std::max<LedgerSeq>(lcl_, 1) + expires.value;
    auto pending = std::make_shared<Pending>(
        Pending{client::Receipt(*submission.max_ledger_seq), {}, std::move(on_done), nullptr});
    pending->deadline = std::make_unique<net::Timer>(reactor_);
    if (timeout_ms > 0) {
        pending->deadline->arm_after(timeout_ms * 1000, [weak = std::weak_ptr(pending)] {
            if (const auto late = weak.lock(); late && late->on_done) {
                std::exchange(late->on_done, nullptr)(
                    failure(ErrorId::timed_out, "the input's fate is not known in time"));
            }
        });
    }
    user->pending.push_back(pending);
    user->client->submit(
        std::move(submission),
        [pending](const Result<client::SentInput>& sent) {
            if (sent) {
                pending->result.input = *sent;
            } else if (pending->on_done) {
                std::exchange(pending->on_done, nullptr)(tl::unexpected(call_failure(sent.err())));
            }
        },
        [this, user, pending](const Result<client::InputOutcome>& outcome) {
            if (outcome) {
                pending->receipt.on_outcome(*outcome);
                settle(user, pending);
            } else if (pending->on_done) {
                std::exchange(pending->on_done,
                              nullptr)(tl::unexpected(call_failure(outcome.err())));
            }
        });
}

void Conversation::settle(const std::shared_ptr<User>& user,
                          const std::shared_ptr<Pending>& pending) {
    using State = client::Receipt::State;
    const client::Receipt& receipt = pending->receipt;
    if (!receipt.is_final() || !pending->on_done) {
        return;
    }
    tl::expected<SendResult, Failure> result = pending->result;
    result->rejected = receipt.outcome().rejected;
    result->ledger = receipt.outcome().ledger;
    switch (receipt.state()) {
    case State::outputs:
        if (receipt.output().proof.ok()) {
            result->outputs = receipt.output().message.outputs;
        } else {
            result = failure(ErrorId::unproven_output,
                             "outputs withheld: " + explain(receipt.output().proof));
        }
        break;
    case State::outputs_missed:
        result = failure(ErrorId::outputs_missed, "accepted, but the outputs were missed");
        break;
    case State::status_missing:
        result = failure(ErrorId::fate_unknown, "the input expired without any word about it");
        break;
    default:
        break;
    }
    pending->deadline->cancel();
    user->pending.remove(pending);
    std::exchange(pending->on_done, nullptr)(std::move(result));
}

void Conversation::on_ledger_event(const std::shared_ptr<User>& user,
                                   const proto::LedgerHeader& ledger) {
    const bool is_news = ledger.seq > lcl_;
    lcl_ = std::max(lcl_, ledger.seq);
    const auto pending = user->pending; // settling removes
    for (const auto& item : pending) {
        item->receipt.on_ledger(ledger);
        settle(user, item);
    }
    if (!is_news) {
        return;
    }
    if (on_ledger) {
        on_ledger(ledger);
    }
    for (auto it = ledger_waits_.begin(); it != ledger_waits_.end();) {
        if (it->seq <= lcl_) {
            const auto done = std::move(it->on_done);
            it = ledger_waits_.erase(it);
            done(lcl_);
        } else {
            ++it;
        }
    }
}

void Conversation::on_output_event(const std::shared_ptr<User>& user,
                                   const client::Output& output) {
    bool expected = false;
    const auto pending = user->pending;
    for (const auto& item : pending) {
        item->receipt.on_output(output);
        expected = expected || item->receipt.state() == client::Receipt::State::outputs;
        settle(user, item);
    }
    if (!expected && on_output) {
        on_output(user->name, output);
    }
}

void Conversation::read(Bytes payload, Later<Bytes> on_done) {
    const auto user = current();
    if (!user) {
        on_done(failure(ErrorId::connection_lost, "there is no connection"));
        return;
    }
    user->client->read(std::move(payload),
                       [on_done = std::move(on_done)](const Result<Bytes>& reply) {
                           if (reply) {
                               on_done(*reply);
                           } else {
                               on_done(tl::unexpected(call_failure(reply.err())));
                           }
                       });
}

void Conversation::status(Later<proto::StatResponse> on_done) {
    const auto user = current();
    if (!user) {
        on_done(failure(ErrorId::connection_lost, "there is no connection"));
        return;
    }
    user->client->stat([on_done = std::move(on_done)](const auto& stat) {
        if (stat) {
            on_done(*stat);
        } else {
            on_done(tl::unexpected(call_failure(stat.err())));
        }
    });
}

void Conversation::wait_ledger(LedgerSeq seq, bool relative, Later<LedgerSeq> on_done) {
    const LedgerSeq goal = relative ? lcl_ + seq : seq;
    if (goal <= lcl_) {
        reactor_.post([on_done = std::move(on_done), lcl = lcl_] { on_done(lcl); });
        return;
    }
    ledger_waits_.push_back({goal, std::move(on_done)});
}

} // namespace hp::cli
