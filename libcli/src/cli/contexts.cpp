// SPDX-License-Identifier: Apache-2.0
#include "cli/contexts.hpp"

#include <cstdlib>

namespace hp::cli {

Json context_to_json(const Context& context) {
    Json out = Json::object();
    out["servers"] = context.servers;
    const auto add = [&out](const char* name, const std::optional<std::string>& value) {
        if (value) {
            out[name] = *value;
        }
    };
    add("key", context.key);
    add("contract_id", context.contract_id);
    add("contract_version", context.contract_version);
    add("protocol", context.protocol);
    add("quorum", context.quorum);
    if (!context.trusted_keys.empty()) {
        out["trusted_keys"] = context.trusted_keys;
    }
    return out;
}

Context context_from_json(const Json& json) {
    Context out;
    out.servers = list_member(json, "servers");
    out.trusted_keys = list_member(json, "trusted_keys");
    out.key = text_member(json, "key");
    out.contract_id = text_member(json, "contract_id");
    out.contract_version = text_member(json, "contract_version");
    out.protocol = text_member(json, "protocol");
    out.quorum = text_member(json, "quorum");
    return out;
}

tl::expected<std::optional<Context>, Failure> find_context(const std::optional<std::string>& name) {
    const auto file = load_user_file(contexts_file);
    if (!file) {
        return tl::unexpected(file.error());
    }
    const char* from_environment = std::getenv("HP_CONTEXT");
    std::string wanted = name.value_or(from_environment != nullptr ? from_environment : "");
    if (wanted.empty()) {
        wanted = text_member(*file, "current").value_or("");
    }
    if (wanted.empty()) {
        return std::optional<Context>();
    }
    const auto contexts = file->find("contexts");
    if (contexts == file->end() || !contexts->is_object() || !contexts->contains(wanted) ||
        !(*contexts)[wanted].is_object()) {
        return failure(ErrorId::not_known, "there is no context \"" + wanted + "\"",
                       "hpcli context list");
    }
    return std::optional(context_from_json((*contexts)[wanted]));
}

} // namespace hp::cli
