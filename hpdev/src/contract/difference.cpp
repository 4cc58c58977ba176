// SPDX-License-Identifier: Apache-2.0
#include "contract/difference.hpp"

#include "cli/json_writer.hpp"
#include "contract/outcome_text.hpp"
#include "hp/base/limits.hpp"
#include "hp/os/files.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace hp::dev {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t content_bytes_max = 64 * limits::mib; // looked into; larger ones are cut
constexpr std::size_t excerpt_before = 16;
constexpr std::size_t excerpt_bytes = 64;
constexpr const char* nothing = "(nothing)";

std::string excerpt(ByteView content, std::uint64_t offset) {
    const std::size_t at = std::min(static_cast<std::size_t>(offset), content.size());
    const std::size_t begin =
        content.size() <= excerpt_bytes ? 0 : at - std::min(at, excerpt_before);
    const ByteView part = content.subspan(begin, std::min(excerpt_bytes, content.size() - begin));
    return (begin > 0 ? "..." : "") + one_line(part);
}

void find_json(const Json& a, const Json& b, std::string& path) {
    if (a.is_object() && b.is_object()) {
        auto left = a.begin();
        auto right = b.begin();
        for (; left != a.end() && right != b.end(); ++left, ++right) {
            if (left.key() != right.key()) {
                path += "." + left.key() + " (order or name of members)";
                return;
            }
            if (left.value() != right.value() || left.value().dump() != right.value().dump()) {
                path += "." + left.key();
                find_json(left.value(), right.value(), path);
                return;
            }
        }
        path += left != a.end() ? "." + left.key() : right != b.end() ? "." + right.key() : "";
        return;
    }
    if (!a.is_array() || !b.is_array()) {
        return;
    }
    for (std::size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
        if (i >= a.size() || i >= b.size() || a[i].dump() != b[i].dump()) {
            path += "[" + std::to_string(i) + "]";
            if (i < a.size() && i < b.size()) {
                find_json(a[i], b[i], path);
            }
            return;
        }
    }
}

Bytes read_entry(const std::filesystem::path& path, const state::EntryPtr& entry) {
    if (entry->type == state::EntryType::symlink) {
        return to_bytes("-> " + entry->target);
    }
    if (entry->type == state::EntryType::directory) {
        return to_bytes("(directory)");
    }
    auto content = os::read_file(path, content_bytes_max);
    return content ? std::move(*content) : to_bytes("(" + content.err().context + ")");
}

Difference entry_difference(const std::string& path, const RunView& a, const state::EntryPtr& old,
                            const RunView& b, const state::EntryPtr& now) {
    Difference out;
    if (old && now) {
        out = compare_contents(read_entry(a.seed / path, old), read_entry(b.seed / path, now));
        const bool same_content = !out.offset;
        if (same_content) {
            out.a = old->executable ? "executable" : "not executable";
            out.b = now->executable ? "executable" : "not executable";
        }
    } else {
        out.a = old ? one_line(read_entry(a.seed / path, old), excerpt_bytes) : "missing";
        out.b = now ? one_line(read_entry(b.seed / path, now), excerpt_bytes) : "missing";
        out.a_bytes = old ? old->size : 0;
        out.b_bytes = now ? now->size : 0;
    }
    out.where = path;
    return out;
}

// Both directories are walked together; names ascend.
std::optional<Difference> tree_difference(const std::string& path, const RunView& a,
                                          const state::Entry& old, const RunView& b,
                                          const state::Entry& now) {
    auto left = old.children.begin();
    auto right = now.children.begin();
    while (left != old.children.end() || right != now.children.end()) {
        const bool only_left =
            right == now.children.end() || (left != old.children.end() && left->name < right->name);
        const bool only_right =
            !only_left && (left == old.children.end() || right->name < left->name);
        const std::string child = path + "/" + (only_right ? right->name : left->name);
        const state::EntryPtr before = only_right ? nullptr : left->entry;
        const state::EntryPtr after = only_left ? nullptr : right->entry;
        left += only_right ? 0 : 1;
        right += only_left ? 0 : 1;
        if (before && after && before->hash == after->hash && before->type == after->type &&
            before->executable == after->executable) {
            continue;
        }
        const bool both_directories = before && after &&
                                      before->type == state::EntryType::directory &&
                                      after->type == state::EntryType::directory;
        return both_directories ? tree_difference(child, a, *before, b, *after)
                                : entry_difference(child, a, before, b, after);
    }
    return std::nullopt;
}

const std::vector<Bytes>& messages_to(const RunOutcome& run, const PublicKey& key) {
    static const std::vector<Bytes> none;
    const auto found = std::ranges::find(run.result.outputs, key, &contract::UserOutputs::key);
    return found == run.result.outputs.end() ? none : found->messages;
}

std::optional<Difference> output_difference(const RunView& a, const RunView& b) {
    std::vector<PublicKey> keys;
    for (const RunOutcome* run : {&a.run, &b.run}) {
        for (const contract::UserOutputs& user : run->result.outputs) {
            keys.push_back(user.key);
        }
    }
    std::ranges::sort(keys);
    for (const PublicKey& key : keys) {
        const auto& left = messages_to(a.run, key);
        const auto& right = messages_to(b.run, key);
        for (std::size_t i = 0; i < std::max(left.size(), right.size()); ++i) {
            const bool both = i < left.size() && i < right.size();
            if (both && left[i] == right[i]) {
                continue;
            }
            Difference out;
            if (both) {
                out = compare_contents(left[i], right[i]);
            } else {
                out.a = i < left.size() ? one_line(left[i], excerpt_bytes) : "missing";
                out.b = i < right.size() ? one_line(right[i], excerpt_bytes) : "missing";
            }
            out.where = "output " + std::to_string(i + 1) + " to " + user_name(a.order, key);
            return out;
        }
    }
    return std::nullopt;
}

} // namespace

std::string first_json_difference(ByteView a, ByteView b) {
    if (cli::nests_too_deeply(as_text(a)) || cli::nests_too_deeply(as_text(b))) {
        return {};
    }
    const Json left = Json::parse(a.begin(), a.end(), nullptr, false);
    const Json right = Json::parse(b.begin(), b.end(), nullptr, false);
    if (left.is_discarded() || right.is_discarded() || !left.is_structured()) {
        return {};
    }
    std::string path = "$";
    find_json(left, right, path);
    return path;
}

Difference compare_contents(ByteView a, ByteView b) {
    Difference out;
    out.a_bytes = a.size();
    out.b_bytes = b.size();
    const auto [left, right] = std::ranges::mismatch(a, b);
    if (left != a.end() || right != b.end()) {
        out.offset = static_cast<std::uint64_t>(left - a.begin());
        out.json_path = first_json_difference(a, b);
        out.a = a.empty() ? nothing : excerpt(a, *out.offset);
        out.b = b.empty() ? nothing : excerpt(b, *out.offset);
    }
    return out;
}

std::optional<Difference> find_difference(const RunView& a, const RunView& b) {
    if (auto found =
            tree_difference(state::state_name, a, *a.run.after.state, b, *b.run.after.state)) {
        return found;
    }
    const state::EntryPtr& left = a.run.after.patch;
    const state::EntryPtr& right = b.run.after.patch;
    if ((left == nullptr) != (right == nullptr) || (left && left->hash != right->hash)) {
        return entry_difference(state::patch_name, a, left, b, right);
    }
    if (auto found = output_difference(a, b)) {
        return found;
    }
    if (a.run.result.end == b.run.result.end && a.run.result.code == b.run.result.code) {
        return std::nullopt;
    }
    Difference out;
    out.where = "end";
    out.a = contract::describe(a.run.result);
    out.b = contract::describe(b.run.result);
    return out;
}

} // namespace hp::dev
