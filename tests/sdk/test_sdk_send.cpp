// SPDX-License-Identifier: Apache-2.0
//
// Outputs: framing, short writes, signals, and a node that stops reading.
//
// Threads: one.
#include "fixtures.hpp"

#include <catch2/catch.hpp>

using namespace hp::test;

namespace {

constexpr std::size_t large_bytes = 5'000'000;

RunSpec make_sender_spec(std::string mode) {
    RunSpec spec = make_child_spec(std::move(mode));
    spec.users = {{make_key(1), {}}};
    return spec;
}

std::string make_pattern(std::size_t size) {
    std::string out(size, '\0');
    for (std::size_t i = 0; i < size; ++i)
        out[i] = static_cast<char>('a' + i % 23);
    return out;
}

void check_large(const RunOutcome& run) {
    CHECK(run.exit_code == 0);
    CHECK(run.out == "error=none\n");
    const auto frames = run.messages(make_key(1));
    REQUIRE(frames.size() == 1);
    CHECK((frames[0] == make_pattern(large_bytes)));
}

} // namespace

TEST_CASE("sdk: a message larger than the socket buffer", "[sdk]") {
    check_large(run_process(make_sender_spec("send_large")));
}

TEST_CASE("sdk: short writes into a small buffer", "[sdk]") {
    RunSpec spec = make_sender_spec("send_large");
    spec.output_buffer_bytes = 4608;
    spec.output_chunk_bytes = 1999;
    check_large(run_process(spec));
}

TEST_CASE("sdk: signals during a send lose nothing", "[sdk]") {
    RunSpec spec = make_sender_spec("send_interrupted");
    spec.output_buffer_bytes = 4608;
    spec.output_chunk_bytes = 1999;
    check_large(run_process(spec));
}

TEST_CASE("sdk: a non-blocking descriptor takes everything too", "[sdk]") {
    RunSpec spec = make_sender_spec("send_nonblocking");
    spec.output_buffer_bytes = 4608;
    spec.output_chunk_bytes = 1999;
    check_large(run_process(spec));
}

TEST_CASE("sdk: messages in one piece, in many pieces and in batches", "[sdk]") {
    const std::string text = make_pattern(3000);
    std::vector<std::string> expected{"", text, ""};
    for (const char letter : text)
        expected.emplace_back(1, letter);
    for (const std::size_t chunk_bytes : {131072UL, 7UL}) {
        RunSpec spec = make_sender_spec("send_shapes");
        spec.output_chunk_bytes = chunk_bytes;
        const RunOutcome run = run_process(spec);
        CHECK(run.out == "send=none\nparts=none\nno_parts=none\nbatch=none\nno_batch=none\n");
        CHECK((run.messages(make_key(1)) == expected));
    }
}

TEST_CASE("sdk: a closed channel is an error value, not a signal", "[sdk]") {
    for (const std::size_t accepted : {0UL, 50'000UL}) {
        RunSpec spec = make_sender_spec("send_until_error");
        spec.output_bytes_max = accepted;
        const RunOutcome run = run_process(spec);
        CHECK(run.exit_code == 0);
        CHECK(run.signal == 0);
        CHECK(run.out == "error=broken_pipe\nagain=broken_pipe\n");
        CHECK(run.control == std::vector<std::string>{R"({"type":"contract_end"})"});
    }
}
