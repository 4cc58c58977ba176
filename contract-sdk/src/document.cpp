// SPDX-License-Identifier: Apache-2.0
//
// One table lists the members: name, whether a contract can do without, and how to read it.
//
// Threads: pure functions.
#include "document.hpp"
#include "json_reader.hpp"

#include <algorithm>
#include <array>
#include <bitset>
#include <limits>

namespace hp::contract::detail {
namespace {

/// 0, 1 and 2 are the standard streams and can never be a channel.
constexpr std::uint64_t channel_fd_min = 3;
constexpr std::uint64_t channel_fd_max = std::numeric_limits<int>::max();
/// off_t is signed, so no file has bytes beyond this.
constexpr std::uint64_t file_offset_max = std::numeric_limits<std::int64_t>::max();

bool read_fd(JsonReader& reader, int& out) {
    std::uint64_t value = 0;
    if (!reader.read_uint(value, channel_fd_max))
        return false;
    if (value < channel_fd_min)
        return reader.fail("a channel cannot be a standard stream");
    out = static_cast<int>(value);
    return true;
}

bool read_optional_fd(JsonReader& reader, std::optional<int>& out) {
    return read_fd(reader, out.emplace());
}

template <typename Hex>
bool parse_hex(JsonReader& reader, std::string_view text, Hex& out) {
    const auto parsed = Hex::from_hex(text);
    if (!parsed)
        return reader.fail("expected " + std::to_string(Hex::hex_size) + " lowercase hex digits");
    out = *parsed;
    return true;
}

template <typename Hex>
bool read_hex(JsonReader& reader, Hex& out) {
    std::string text;
    return reader.read_string(text) && parse_hex(reader, text, out);
}

/// [offset, length]
bool read_input_range(JsonReader& reader, InputRange& out) {
    if (!reader.begin_array() || !reader.next_element() ||
        !reader.read_uint(out.offset, file_offset_max))
        return reader.fail("expected an input offset");
    if (!reader.next_element() || !reader.read_uint(out.length, file_offset_max - out.offset))
        return reader.fail("expected an input length");
    if (reader.next_element())
        return reader.fail("an input is an offset and a length, nothing more");
    return !reader.failed();
}

/// [output fd, [offset, length], ...]
bool read_user(JsonReader& reader, UserEntry& out) {
    if (!reader.begin_array() || !reader.next_element() || !read_fd(reader, out.output_fd))
        return reader.fail("expected an output descriptor");
    while (reader.next_element())
        read_input_range(reader, out.inputs.emplace_back());
    return !reader.failed();
}

/// Users and nodes are looked up and listed by key; a duplicate would make one of them unreachable.
template <typename Entry>
bool sort_by_key(JsonReader& reader, std::vector<Entry>& entries) {
    const auto less = [](const Entry& a, const Entry& b) { return a.public_key < b.public_key; };
    const auto same = [](const Entry& a, const Entry& b) { return a.public_key == b.public_key; };
    if (!std::is_sorted(entries.begin(), entries.end(), less))
        std::sort(entries.begin(), entries.end(), less);
    if (std::adjacent_find(entries.begin(), entries.end(), same) != entries.end())
        return reader.fail("a key appears twice");
    return true;
}

bool read_users(JsonReader& reader, std::vector<UserEntry>& out) {
    std::string key;
    if (!reader.begin_object())
        return false;
    while (reader.next_member(key)) {
        UserEntry& user = out.emplace_back();
        if (parse_hex(reader, key, user.public_key))
            read_user(reader, user);
    }
    return !reader.failed() && sort_by_key(reader, out);
}

/// {"active_on": ms}
bool read_unl_node(JsonReader& reader, UnlNode& out) {
    std::string name;
    if (!reader.begin_object())
        return false;
    while (reader.next_member(name)) {
        if (name == "active_on")
            reader.read_uint(out.active_on_ms);
        else
            reader.skip_value();
    }
    return !reader.failed();
}

bool read_unl(JsonReader& reader, std::vector<UnlNode>& out) {
    std::string key;
    if (!reader.begin_object())
        return false;
    while (reader.next_member(key)) {
        UnlNode& node = out.emplace_back();
        if (parse_hex(reader, key, node.public_key))
            read_unl_node(reader, node);
    }
    return !reader.failed() && sort_by_key(reader, out);
}

struct Member {
    std::string_view name;
    bool required;
    bool (*read)(JsonReader&, Document&);
};

constexpr std::array members{
    Member{"hp_version", false,
           [](JsonReader& r, Document& d) { return r.read_string(d.hp_version); }},
    Member{"contract_id", true,
           [](JsonReader& r, Document& d) { return r.read_string(d.contract_id); }},
    Member{"public_key", true,
           [](JsonReader& r, Document& d) { return read_hex(r, d.public_key); }},
    Member{"private_key", false,
           [](JsonReader& r, Document& d) { return read_hex(r, d.private_key.emplace()); }},
    Member{"timestamp", true,
           [](JsonReader& r, Document& d) { return r.read_uint(d.timestamp_ms, file_offset_max); }},
    Member{"readonly", true, [](JsonReader& r, Document& d) { return r.read_bool(d.readonly); }},
    Member{"lcl_seq_no", false,
           [](JsonReader& r, Document& d) { return r.read_uint(d.lcl_seq_no.emplace()); }},
    Member{"lcl_hash", false,
           [](JsonReader& r, Document& d) { return read_hex(r, d.lcl_hash.emplace()); }},
    Member{"npl_fd", false,
           [](JsonReader& r, Document& d) { return read_optional_fd(r, d.npl_fd); }},
    Member{"control_fd", false,
           [](JsonReader& r, Document& d) { return read_optional_fd(r, d.control_fd); }},
    Member{"user_in_fd", false,
           [](JsonReader& r, Document& d) { return read_optional_fd(r, d.user_in_fd); }},
    Member{"users", true, [](JsonReader& r, Document& d) { return read_users(r, d.users); }},
    Member{"unl", true, [](JsonReader& r, Document& d) { return read_unl(r, d.unl); }},
};

/// Index in `members`, or its size if there is no such member.
std::size_t member_index(std::string_view name) {
    const auto found = std::find_if(members.begin(), members.end(),
                                    [name](const Member& m) { return m.name == name; });
    return static_cast<std::size_t>(found - members.begin());
}

bool read_members(JsonReader& reader, Document& out) {
    std::bitset<members.size()> seen;
    std::string name;
    if (!reader.begin_object())
        return false;
    while (reader.next_member(name)) {
        const std::size_t i = member_index(name);
        if (i == members.size())
            reader.skip_value();
        else if (seen.test(i))
            reader.fail("member \"" + name + "\" appears twice");
        else if (seen.set(i); !members[i].read(reader, out))
            break;
    }
    for (std::size_t i = 0; i < members.size() && !reader.failed(); ++i)
        if (members[i].required && !seen.test(i))
            reader.fail("member \"" + std::string(members[i].name) + "\" is missing");
    return !reader.failed();
}

} // namespace

std::optional<Document> decode_document(std::string_view text, std::string& error) {
    JsonReader reader(text);
    std::optional<Document> out(std::in_place);
    if (read_members(reader, *out) && reader.finish())
        return out;
    error = reader.error();
    return std::nullopt;
}

} // namespace hp::contract::detail
