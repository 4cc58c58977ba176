// SPDX-License-Identifier: Apache-2.0
//
// Npl::exchange(). A message of an exchange is "hpx1", the length of the topic in one byte, the
// topic, and the payload.
//
// Threads: see npl.hpp.
#include <hp/contract/npl.hpp>

#include <algorithm>
#include <iterator>
#include <map>

namespace hp::contract {
namespace {

constexpr std::string_view magic = "hpx1";

Bytes make_prefix(std::string_view topic) {
    std::string text(magic);
    text += static_cast<char>(static_cast<unsigned char>(topic.size()));
    text += topic;
    const BytesView bytes = as_bytes(text);
    return {bytes.begin(), bytes.end()};
}

bool begins_with(const Bytes& data, const Bytes& prefix) {
    return data.size() >= prefix.size() && std::equal(prefix.begin(), prefix.end(), data.begin());
}

/// Collects the first message of each UNL member that begins with `prefix`.
class Collector {
public:
    Collector(Bytes prefix, const Unl& unl, std::size_t wanted)
        : prefix_(std::move(prefix)), unl_(unl), wanted_(std::min(wanted, unl.count())) {}

    [[nodiscard]] bool is_complete() const noexcept { return messages_.size() >= wanted_; }
    [[nodiscard]] bool is_ours(const NplMessage& message) const {
        return begins_with(message.data, prefix_);
    }

    void take(NplMessage message) {
        const auto place = std::lower_bound(
            messages_.begin(), messages_.end(), message.sender,
            [](const NplMessage& m, const PublicKey& key) { return m.sender < key; });
        if (place != messages_.end() && place->sender == message.sender)
            return; // the first one counts
        if (unl_.find(message.sender) == nullptr)
            return;
        const auto payload =
            std::next(message.data.begin(), static_cast<std::ptrdiff_t>(prefix_.size()));
        message.data.erase(message.data.begin(), payload);
        messages_.insert(place, std::move(message));
    }

    [[nodiscard]] std::vector<NplMessage> messages() && { return std::move(messages_); }

private:
    Bytes prefix_;
    const Unl& unl_;
    std::size_t wanted_;
    std::vector<NplMessage> messages_; ///< ascending by sender
};

} // namespace

NplExchange Npl::exchange(std::string_view topic, BytesView message, const Unl& unl, int timeout_ms,
                          std::size_t wanted) {
    if (topic.size() > topic_bytes_max)
        return {NplStatus::failed, std::make_error_code(std::errc::message_size), {}};
    const auto deadline = Clock::now() + std::chrono::milliseconds(std::max(timeout_ms, 0));
    Bytes packet = make_prefix(topic);
    Collector collector(packet, unl, wanted);
    packet.insert(packet.end(), message.begin(), message.end());
    if (const auto failed = send(packet))
        return {NplStatus::failed, failed, {}};

    std::deque<NplMessage> held = std::exchange(held_, {});
    for (NplMessage& early : held) {
        if (collector.is_ours(early))
            collector.take(std::move(early));
        else
            held_.push_back(std::move(early));
    }
    NplExchange out{NplStatus::message, {}, {}};
    for (bool in_time = true; !collector.is_complete(); in_time = Clock::now() < deadline) {
        if (!in_time) { // or a node that never stops sending would keep us here
            out.status = NplStatus::timeout;
            break;
        }
        NplResult next = read_message(deadline, -1);
        if (!next) {
            out.status = next.status;
            out.error = next.error;
            break;
        }
        if (collector.is_ours(*next.message))
            collector.take(std::move(*next.message));
        else
            hold(std::move(*next.message));
    }
    out.messages = std::move(collector).messages();
    return out;
}

std::optional<std::string> agreed_text(const NplExchange& votes, const Unl& unl) {
    std::map<std::string_view, std::size_t> counts;
    for (const NplMessage& vote : votes.messages)
        ++counts[vote.text()];
    for (const auto& [text, count] : counts)
        if (3 * count > 2 * unl.count())
            return std::string(text);
    return std::nullopt;
}

} // namespace hp::contract
