// SPDX-License-Identifier: Apache-2.0
// The client against a server that follows a script: whom it refuses, how it matches replies, and
// that nothing is left pending.
#include "hp/client/client.hpp"
#include "scripted_server.hpp"

#include <catch2/catch.hpp>

using namespace hp;
using client::ConnectProblem;
using test::ScriptedServer;

namespace {

constexpr std::int64_t guard_us = 10'000'000;

struct Scene {
    net::Reactor reactor;
    ScriptedServer server{reactor};
    client::Options options;
    client::Events events;
    std::unique_ptr<client::Client> client;
    std::optional<client::ConnectError> refused;
    bool connected = false;
    bool ran_out_of_time = false;

    Scene() {
        crypto::init();
        options.url = server.url();
        options.signer = crypto::make_key_pair();
    }

    // Runs until somebody calls reactor.stop(); `on_connected` may be empty.
    void run(std::function<void()> on_connected = nullptr) {
        client = std::make_unique<client::Client>(reactor, options, events, Log());
        client->connect(
            [this, on_connected](const client::ServerInfo&) {
                connected = true;
                on_connected ? on_connected() : reactor.stop();
            },
            [this](const client::ConnectError& error) {
                refused = error;
                reactor.stop();
            });
        net::Timer guard(reactor);
        guard.arm_after(guard_us, [this] {
            ran_out_of_time = true;
            reactor.stop();
        });
        reactor.run();
        CHECK_FALSE(ran_out_of_time);
    }

    void expect_refusal(ConnectProblem problem) {
        run();
        CHECK_FALSE(connected);
        REQUIRE(refused);
        INFO(refused->message);
        CHECK(refused->problem == problem);
    }
};

template <class Request>
const Request* as(const proto::UserRequest& request) {
    return std::get_if<Request>(&request);
}

} // namespace

TEST_CASE("a good server is accepted", "[client]") {
    Scene scene;
    scene.options.encoding = GENERATE(proto::Encoding::json, proto::Encoding::bson);
    scene.options.contract_id = scene.server.challenge.contract_id;
    scene.options.contract_version = "1.0";
    scene.options.trusted_keys = {scene.server.keys.public_key};
    scene.run();
    REQUIRE(scene.connected);
    CHECK(scene.server.encoding == scene.options.encoding);
    CHECK(scene.server.response->key == scene.options.signer.public_key());
    CHECK(scene.client->server().key == scene.server.keys.public_key);
    CHECK(scene.client->server().unl == scene.server.unl);
    CHECK(scene.client->server().hp_version == "0.6.4");
}

TEST_CASE("a client signs nothing but challenges", "[client]") {
    Scene scene;
    scene.server.challenge.challenge =
        GENERATE("", "00", "000102030405060708090a0b0c0d0e0", "000102030405060708090a0b0c0d0e0f00",
                 "{\"input\":\"x\",\"nonce\":1,\"max_led", "000102030405060708090a0b0c0d0e0g");
    scene.expect_refusal(ConnectProblem::handshake);
    CHECK_FALSE(scene.server.response);
}

TEST_CASE("a signer that does not sign", "[client]") {
    Scene scene;
    const auto keys = crypto::make_key_pair();
    int signs = GENERATE(0, 1); // the challenge, an input
    scene.options.signer =
        client::Signer(keys.public_key, [&signs, keys](ByteView message) -> Result<Signature> {
            return signs-- > 0 ? Result<Signature>(crypto::sign(keys, message))
                               : fail(Errc::timeout, "the holder sleeps");
        });
    if (signs == 0) {
        scene.expect_refusal(ConnectProblem::no_signature);
        CHECK_FALSE(scene.server.response);
        CHECK(scene.refused->message == "the holder sleeps");
        return;
    }
    std::optional<Error> problem;
    scene.run([&] {
        client::Submission submission;
        submission.input = to_bytes("x");
        submission.max_ledger_seq = 9;
        scene.client->submit(
            std::move(submission),
            [&](const Result<client::SentInput>& sent) {
                REQUIRE_FALSE(sent);
                problem = sent.err();
                scene.reactor.stop();
            },
            [](const Result<client::InputOutcome>&) { FAIL("nothing was sent"); });
    });
    REQUIRE(problem);
    CHECK(problem->code == Errc::denied);
    CHECK(problem->context == "the holder sleeps");
}

TEST_CASE("servers that fail an expectation", "[client]") {
    Scene scene;
    SECTION("protocol version") {
        scene.server.challenge.hp_version = GENERATE("0.7.0", "0.6", "0.60.1", "1.6.4");
        scene.expect_refusal(ConnectProblem::version);
        CHECK_FALSE(scene.server.response);
    }
    SECTION("contract id") {
        scene.options.contract_id = "another";
        scene.expect_refusal(ConnectProblem::contract);
        CHECK_FALSE(scene.server.response);
    }
    SECTION("contract version") {
        scene.options.contract_version = "2.0";
        scene.expect_refusal(ConnectProblem::contract);
    }
    SECTION("server key") {
        scene.options.trusted_keys = {crypto::make_key_pair().public_key};
        scene.expect_refusal(ConnectProblem::untrusted_server);
    }
    SECTION("a key it does not hold") {
        scene.server.signing_keys = crypto::make_key_pair();
        scene.options.trusted_keys = {scene.server.keys.public_key};
        scene.expect_refusal(ConnectProblem::handshake);
    }
    SECTION("no protocol at all") {
        scene.server.raw_challenge = to_bytes("hello");
        scene.expect_refusal(ConnectProblem::handshake);
    }
    SECTION("a giant challenge message") {
        scene.server.raw_challenge = Bytes(100'000, '{');
        scene.expect_refusal(ConnectProblem::handshake);
    }
}

TEST_CASE("servers that end the handshake", "[client]") {
    Scene scene;
    SECTION("refused") {
        scene.server.close_on_response = net::CloseCode::policy;
        scene.expect_refusal(ConnectProblem::refused);
        CHECK(scene.refused->message.find("scripted") != std::string::npos);
    }
    SECTION("busy") {
        scene.server.close_on_response = net::CloseCode::try_later;
        scene.expect_refusal(ConnectProblem::busy);
    }
    SECTION("silent") {
        scene.server.answers_handshake = false;
        scene.options.connect_timeout_ms = 100;
        scene.expect_refusal(ConnectProblem::transport);
    }
    SECTION("not there") {
        scene.options.url = "ws://127.0.0.1:1";
        scene.expect_refusal(ConnectProblem::transport);
    }
}

TEST_CASE("replies without id are matched by order", "[client]") {
    Scene scene;
    std::vector<LedgerSeq> seen;
    LedgerSeq next = 1;
    scene.server.on_request = [&](const proto::UserRequest& request) {
        if (as<proto::LclRequest>(request) != nullptr) {
            scene.server.send(proto::LclResponse{{next++, {}}});
        }
    };
    scene.run([&] {
        for (int i = 0; i < 3; ++i) {
            scene.client->lcl([&](const Result<LedgerId>& lcl) {
                seen.push_back(lcl->seq);
                if (seen.size() == 3) {
                    scene.reactor.stop();
                }
            });
        }
    });
    CHECK(seen == std::vector<LedgerSeq>{1, 2, 3});
}

TEST_CASE("a late reply is not taken for the next one's", "[client]") {
    Scene scene;
    scene.options.request_timeout_ms = 100;
    int requests = 0;
    scene.server.on_request = [&](const proto::UserRequest& request) {
        if (as<proto::LclRequest>(request) != nullptr && ++requests == 2) {
            scene.server.send(proto::LclResponse{{7, {}}});
            scene.server.send(proto::LclResponse{{8, {}}});
        }
    };
    std::optional<LedgerSeq> second;
    scene.run([&] {
        scene.client->lcl([&](const Result<LedgerId>& first) {
            CHECK(first.err().code == Errc::timeout);
            scene.client->lcl([&](const Result<LedgerId>& lcl) {
                second = lcl->seq;
                scene.reactor.stop();
            });
        });
    });
    CHECK(second == 8U);
}

TEST_CASE("reads are matched by id", "[client]") {
    Scene scene;
    std::vector<proto::ReadRequest> reads;
    scene.server.on_request = [&](const proto::UserRequest& request) {
        if (const auto* read = as<proto::ReadRequest>(request)) {
            reads.push_back(*read);
        }
        if (reads.size() == 2) { // answered the other way round, the first one twice
            scene.server.send(proto::ReadResponse{reads[1].id, reads[1].content});
            scene.server.send(proto::ReadResponse{"unknown", to_bytes("x")});
            scene.server.send(proto::ReadResponse{reads[0].id, reads[0].content});
            scene.server.send(proto::ReadResponse{reads[0].id, to_bytes("again")});
        }
    };
    std::vector<std::string> replies;
    scene.run([&] {
        scene.client->read(to_bytes("one"), [&](const Result<Bytes>& reply) {
            replies.push_back("one " + to_text(*reply));
            scene.reactor.stop();
        });
        scene.client->read(to_bytes("two"), [&](const Result<Bytes>& reply) {
            replies.push_back("two " + to_text(*reply));
        });
    });
    CHECK(replies == std::vector<std::string>{"two two", "one one"});
}

TEST_CASE("a disconnect reaches every pending call", "[client]") {
    Scene scene;
    int failed = 0;
    std::vector<std::string> order;
    scene.server.on_request = [&](const proto::UserRequest& request) {
        if (as<proto::LedgerQuery>(request) != nullptr) { // the last one sent
            scene.server.close(net::CloseCode::going_away);
        }
    };
    scene.events.on_closed = [&](const net::CloseInfo& info) {
        CHECK(info.code == 1001);
        CHECK(failed == 5);
        // Calls made now fail too, but not from inside the call.
        scene.client->lcl([&](const Result<LedgerId>& lcl) {
            CHECK(lcl.err().code == Errc::closed);
            order.emplace_back("called back");
            scene.reactor.stop();
        });
        order.emplace_back("returned");
    };
    const auto expect_closed = [&](const auto& result) {
        REQUIRE_FALSE(result);
        CHECK(result.err().code == Errc::closed);
        ++failed;
    };
    scene.run([&] {
        client::Submission submission;
        submission.input = to_bytes("x");
        submission.max_ledger_seq = 5;
        scene.client->submit(
            std::move(submission),
            [&](const Result<client::SentInput>& sent) {
                CHECK(sent);
                scene.client->stat(expect_closed);
                scene.client->lcl(expect_closed);
                scene.client->read(to_bytes("r"), expect_closed);
                scene.client->query(1, false, false, expect_closed);
            },
            expect_closed);
    });
    CHECK(order == std::vector<std::string>{"returned", "called back"});
}

TEST_CASE("inputs are what was asked for", "[client]") {
    Scene scene;
    scene.options.encoding = GENERATE(proto::Encoding::json, proto::Encoding::bson);
    std::vector<proto::InputContainer> containers;
    scene.server.on_request = [&](const proto::UserRequest& request) {
        if (as<proto::LclRequest>(request) != nullptr) {
            scene.server.send(proto::LclResponse{{100, {}}});
        }
        const auto* input = as<proto::InputRequest>(request);
        if (input == nullptr) {
            return;
        }
        CHECK(
            crypto::verify(scene.options.signer.public_key(), input->container, input->signature));
        containers.push_back(*proto::decode_container(scene.options.encoding, input->container));
        proto::InputStatus status;
        const Hash32 hash = proto::input_hash(input->signature);
        status.input_hash = Bytes(hash.data.begin(), hash.data.end());
        if (containers.size() == 1) {
            status.rejected = proto::RejectReason::nonce_expired;
        } else {
            status.ledger.seq = 103;
        }
        scene.server.send(status);
    };
    std::vector<client::InputOutcome> outcomes;
    const auto submit = [&](std::optional<std::uint64_t> nonce) {
        client::Submission submission;
        submission.input = to_bytes("hello");
        submission.nonce = nonce;
        scene.client->submit(
            std::move(submission), [](const Result<client::SentInput>& sent) { CHECK(sent); },
            [&](const Result<client::InputOutcome>& outcome) {
                outcomes.push_back(*outcome);
                if (outcomes.size() == 3) {
                    scene.reactor.stop();
                }
            });
    };
    scene.run([&] {
        submit(9'000'000'000'000'000'000U);
        submit(std::nullopt);
        submit(std::nullopt);
    });
    REQUIRE(outcomes.size() == 3);
    CHECK(outcomes[0].rejected == proto::RejectReason::nonce_expired);
    CHECK_FALSE(outcomes[1].rejected);
    CHECK(outcomes[1].ledger.seq == 103);
    CHECK(containers[0].nonce == 9'000'000'000'000'000'000U);
    CHECK(containers[1].nonce > containers[0].nonce); // increasing even past the clock
    CHECK(containers[2].nonce > containers[1].nonce);
    CHECK(to_text(containers[0].input) == "hello");
    CHECK(containers[0].max_ledger_seq == 108);
}

TEST_CASE("outputs are counted against the right keys", "[client]") {
    Scene scene;
    const auto make_output = [&](const crypto::KeyPair& signer) {
        proto::ContractOutput output;
        output.ledger.seq = 5;
        output.outputs = {to_bytes("out")};
        output.output_hash = crypto::output_hash(scene.options.signer.public_key(), output.outputs);
        output.hash_tree.value =
            std::vector<crypto::TreeNode>{crypto::TreeNode{}, crypto::TreeNode{Hash32{}}};
        const auto root = crypto::root_of(output.hash_tree, output.output_hash);
        output.unl_signatures = {{signer.public_key, crypto::sign(signer, root->view())}};
        return output;
    };
    std::vector<client::Output> outputs;
    scene.events.on_output = [&](const client::Output& output) {
        outputs.push_back(output);
        if (outputs.size() == 2) {
            scene.reactor.stop();
        }
    };
    const auto successor = crypto::make_key_pair();
    bool told = false;
    scene.events.on_unl_change = [&](const std::vector<PublicKey>& unl) {
        told = unl == std::vector<PublicKey>{successor.public_key};
    };
    const bool pinned = GENERATE(false, true);
    if (pinned) {
        scene.options.trusted_keys = {scene.server.keys.public_key};
    }
    scene.run([&] {
        scene.server.send(make_output(scene.server.keys));
        scene.server.send(proto::UnlChange{{successor.public_key}});
        scene.server.send(make_output(successor));
    });
    REQUIRE(outputs.size() == 2);
    CHECK(told);
    CHECK(outputs[0].proof.ok());
    // An announced UNL is followed, trusted keys are not talked away.
    CHECK(outputs[1].proof.ok() == !pinned);
}

TEST_CASE("a wrong ledger is not passed on", "[client]") {
    Scene scene;
    scene.server.on_request = [&](const proto::UserRequest& request) {
        if (const auto* query = as<proto::LedgerQuery>(request)) {
            proto::LedgerQueryResult result;
            result.reply_for = query->id;
            result.results.resize(1);
            result.results[0].header.seq = query->seq + 1;
            scene.server.send(result);
        }
    };
    std::optional<Errc> code;
    scene.run([&] {
        scene.client->query(4, false, false, [&](const auto& ledger) {
            code = ledger.err().code;
            scene.reactor.stop();
        });
    });
    CHECK(code == Errc::corrupt);
}

TEST_CASE("messages not understood are skipped", "[client]") {
    Scene scene;
    scene.options.encoding = proto::Encoding::json;
    bool answered = false;
    scene.run([&] {
        scene.server.send_raw(to_bytes("{\"type\":\"from_the_future\"}"));
        scene.server.send_raw(to_bytes("{\"type\":\"lcl_response\"}"));
        scene.server.send_raw(to_bytes("not even JSON"));
        scene.server.on_request = [&](const proto::UserRequest& request) {
            if (as<proto::StatRequest>(request) != nullptr) {
                scene.server.send(proto::StatResponse{});
            }
        };
        scene.client->stat([&](const Result<proto::StatResponse>& stat) {
            answered = stat.has_value();
            scene.reactor.stop();
        });
    });
    CHECK(answered);
}

TEST_CASE("a client may go away inside its callbacks", "[client]") {
    Scene scene;
    int calls = 0;
    SECTION("on connecting") {
        scene.run([&] {
            scene.client.reset();
            scene.reactor.post([&] { scene.reactor.stop(); });
        });
    }
    SECTION("on the first of many failures") {
        scene.events.on_closed = [&](const net::CloseInfo&) { FAIL("nobody is listening"); };
        scene.run([&] {
            for (int i = 0; i < 3; ++i) {
                scene.client->lcl([&](const Result<LedgerId>&) {
                    ++calls;
                    scene.client.reset();
                    scene.reactor.post([&] { scene.reactor.stop(); });
                });
            }
            scene.server.close(net::CloseCode::normal);
        });
        CHECK(calls == 1);
    }
}

TEST_CASE("the original engine is never asked for lists of a ledger it lacks", "[client]") {
    // In BSON that crashes it (user-protocol.md 18, C3).
    Scene scene;
    scene.options.encoding = GENERATE(proto::Encoding::json, proto::Encoding::bson);
    const bool ours = GENERATE(true, false);
    std::vector<std::string> asked;
    scene.server.on_request = [&](const proto::UserRequest& request) {
        if (as<proto::StatRequest>(request) != nullptr) {
            asked.emplace_back("stat");
            proto::StatResponse stat;
            stat.node_version = ours ? "0.1.0" : "";
            scene.server.send(stat);
        } else if (const auto* query = as<proto::LedgerQuery>(request)) {
            asked.push_back(std::to_string(query->seq) + (query->inputs ? " inputs" : ""));
            proto::LedgerQueryResult result;
            result.reply_for = query->id;
            if (query->seq == 4) {
                result.results.resize(1);
                result.results[0].header.seq = 4;
                if (query->inputs) {
                    result.results[0].inputs.emplace();
                }
            }
            scene.server.send(result);
        }
    };
    scene.run([&] {
        scene.client->query(4, true, false, [&](const auto& ledger) {
            REQUIRE(ledger);
            CHECK((*ledger)->inputs);
            scene.client->query(5, true, false, [&](const auto& missing) {
                REQUIRE(missing);
                CHECK_FALSE(*missing);
                scene.reactor.stop();
            });
        });
    });
    using Asked = std::vector<std::string>;
    if (scene.options.encoding == proto::Encoding::json) {
        CHECK(asked == Asked{"4 inputs", "5 inputs"});
    } else if (ours) {
        CHECK(asked == Asked{"stat", "4 inputs", "5 inputs"});
    } else {
        CHECK(asked == Asked{"stat", "4", "4 inputs", "5"});
    }
}

TEST_CASE("a server that is not the pinned one", "[client]") {
    Scene scene;
    SECTION("another key") {
        scene.options.server_key = crypto::make_key_pair().public_key;
        scene.expect_refusal(ConnectProblem::untrusted_server);
    }
    SECTION("another certificate: nothing is signed for it") {
        scene.options.certificate_sha256 = std::string(64, '0');
        scene.expect_refusal(ConnectProblem::untrusted_server);
        CHECK_FALSE(scene.server.response);
    }
    SECTION("the right key") {
        scene.options.server_key = scene.server.keys.public_key;
        scene.run();
        CHECK(scene.connected);
    }
}

TEST_CASE("pinned validators are not talked away", "[client]") {
    Scene scene;
    const auto stranger = crypto::make_key_pair().public_key;
    scene.options.validators = {stranger};
    std::optional<client::OutputProof> proof;
    scene.events.on_output = [&](const client::Output& output) {
        proof = output.proof;
        scene.reactor.stop();
    };
    scene.run([&] {
        proto::ContractOutput output;
        const Hash32 own = crypto::output_hash(scene.options.signer.public_key(), output.outputs);
        output.output_hash = own;
        output.hash_tree.value = std::vector<crypto::TreeNode>{{}, {Hash32{}}};
        const auto root = crypto::root_of(output.hash_tree, own);
        output.unl_signatures = {
            {scene.server.keys.public_key, crypto::sign(scene.server.keys, root->view())}};
        scene.server.send(output);
    });
    REQUIRE(proof);
    CHECK(proof->problem == client::OutputProblem::signatures);
    CHECK(proof->validators == 1);
}
