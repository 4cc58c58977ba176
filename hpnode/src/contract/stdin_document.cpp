// SPDX-License-Identifier: Apache-2.0
#include "contract/stdin_document.hpp"

#include <cerrno>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "contract/launcher.hpp"
#include "hp/base/check.hpp"

namespace hp::contract {
namespace {

std::string quoted(const std::string& text) {
    using nlohmann::json;
    return json(text).dump(-1, ' ', true, json::error_handler_t::replace);
}

void put(std::string& out, std::string_view key, std::string_view value) {
    if (out.back() != '{') {
        out += ',';
    }
    out.append("\"").append(key).append("\":").append(value);
}

std::string hex_text(ByteView bytes) {
    return '"' + to_hex(bytes) + '"';
}

std::string users_object(const RunSpec& spec, const InputLayout& layout, int first_user) {
    std::string out = "{";
    for (std::size_t i = 0; i < spec.users.size(); ++i) {
        std::string channels = "[" + std::to_string(first_user + static_cast<int>(i));
        for (const InputSpan& span : layout.users[i]) {
            channels.append(",[")
                .append(std::to_string(span.offset))
                .append(",")
                .append(std::to_string(span.length))
                .append("]");
        }
        put(out, spec.users[i].key.hex(), channels += ']');
    }
    return out += '}';
}

std::string unl_object(const RunSpec& spec) {
    std::string out = "{";
    for (const RunUnlEntry& entry : spec.unl) {
        put(out, entry.key.hex(), "{\"active_on\":" + std::to_string(entry.active_on) + '}');
    }
    return out += '}';
}

} // namespace

InputLayout lay_out_inputs(const std::vector<RunUser>& users) {
    InputLayout layout;
    layout.users.reserve(users.size());
    std::uint64_t next = 0;
    for (const RunUser& user : users) {
        std::vector<InputSpan>& spans = layout.users.emplace_back();
        spans.reserve(user.inputs.size());
        for (const SharedBytes& input : user.inputs) {
            const std::uint64_t length = input->size();
            spans.push_back({next, length});
            // An empty input has a page of its own, so that a C string at its offset is empty.
            const std::uint64_t pages = length == 0 ? 1 : (length - 1) / input_alignment + 1;
            next += pages * input_alignment;
            layout.input_bytes += length;
        }
    }
    layout.file_size = std::max(next, input_alignment);
    return layout;
}

Status fill_input_file(const os::Fd& file, const std::vector<RunUser>& users,
                       const InputLayout& layout) {
    if (::ftruncate(file.get(), static_cast<off_t>(layout.file_size)) != 0) {
        return fail(errno_error("cannot size the file of inputs", errno));
    }
    for (std::size_t i = 0; i < users.size(); ++i) {
        for (std::size_t j = 0; j < users[i].inputs.size(); ++j) {
            HP_TRY_STATUS(
                os::write_all_at(file.get(), *users[i].inputs[j], layout.users[i][j].offset));
        }
    }
    return os::seal(file);
}

Result<os::Fd> make_input_file(const std::vector<RunUser>& users, const InputLayout& layout) {
    HP_TRY(os::Fd file, os::make_memfd("hp_inputs"));
    HP_TRY_STATUS(fill_input_file(file, users, layout));
    return file;
}

ChannelNumbers number_channels(bool readonly) {
    ChannelNumbers numbers;
    int next = first_channel_fd;
    numbers.control = next++;
    numbers.user_in = next++;
    if (!readonly) {
        numbers.npl = next++;
    }
    numbers.first_user = next;
    return numbers;
}

std::string make_stdin_document(const RunSpec& spec, const InputLayout& layout,
                                const ChannelNumbers& numbers) {
    std::string out = "{";
    put(out, "hp_version", quoted(spec.hp_version));
    put(out, "contract_id", quoted(spec.contract_id));
    put(out, "public_key", hex_text(spec.node_keys.public_key.view()));
    put(out, "private_key", hex_text(spec.node_keys.private_key.view()));
    put(out, "timestamp", std::to_string(spec.timestamp));
    put(out, "readonly", spec.readonly ? "true" : "false");
    if (!spec.readonly) {
        HP_CHECK(spec.lcl.has_value(), "a consensus run without its ledger");
        put(out, "lcl_seq_no", std::to_string(spec.lcl->seq));
        put(out, "lcl_hash", hex_text(spec.lcl->hash.view()));
        put(out, "npl_fd", std::to_string(numbers.npl));
    }
    put(out, "control_fd", std::to_string(numbers.control));
    put(out, "user_in_fd", std::to_string(numbers.user_in));
    put(out, "users", users_object(spec, layout, numbers.first_user));
    put(out, "unl", unl_object(spec));
    return out += '}';
}

} // namespace hp::contract
