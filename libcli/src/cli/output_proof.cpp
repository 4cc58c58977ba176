// SPDX-License-Identifier: Apache-2.0
#include "cli/output_proof.hpp"

#include "cli/user_files.hpp"
#include "hp/base/limits.hpp"
#include "hp/os/files.hpp"

namespace hp::cli {
namespace {

constexpr std::string_view proof_schema = "hp.proof/1";
constexpr std::size_t tree_depth_max = 32; // 16^32 users

Json encode_tree(const crypto::TreeNode& node) {
    if (node.is_own_leaf()) {
        return nullptr;
    }
    if (const auto* hash = std::get_if<Hash32>(&node.value)) {
        return hash->hex();
    }
    Json out = Json::array();
    for (const crypto::TreeNode& child : std::get<std::vector<crypto::TreeNode>>(node.value)) {
        out.push_back(encode_tree(child));
    }
    return out;
}

std::optional<crypto::TreeNode> decode_tree(const Json& json, std::size_t depth = 0) {
    crypto::TreeNode out;
    if (json.is_null()) {
        return out;
    }
    if (json.is_string()) {
        const auto hash = Hash32::from_hex(json.get<std::string>());
        return hash ? std::optional(crypto::TreeNode{*hash}) : std::nullopt;
    }
    if (!json.is_array() || depth > tree_depth_max) {
        return std::nullopt;
    }
    std::vector<crypto::TreeNode> children;
    for (const Json& item : json) {
        auto child = decode_tree(item, depth + 1);
        if (!child) {
            return std::nullopt;
        }
        children.push_back(std::move(*child));
    }
    out.value = std::move(children);
    return out;
}

Json encode_ledger(const LedgerId& ledger) {
    Json out = Json::object();
    out["seq"] = ledger.seq;
    out["hash"] = ledger.hash.hex();
    return out;
}

// The decoders below look up members of objects that files control; a missing or mistyped one
// gives null and fails later.
const Json& member(const Json& object, const char* name) {
    static const Json none;
    const auto found = object.is_object() ? object.find(name) : object.end();
    return object.is_object() && found != object.end() ? *found : none;
}

std::string text_of(const Json& json) {
    return json.is_string() ? json.get<std::string>() : std::string();
}

std::uint64_t number_of(const Json& json) {
    return json.is_number_unsigned() ? json.get<std::uint64_t>() : 0;
}

std::optional<LedgerId> decode_ledger(const Json& json) {
    const auto hash = Hash32::from_hex(text_of(member(json, "hash")));
    return hash ? std::optional(LedgerId{number_of(member(json, "seq")), *hash}) : std::nullopt;
}

bool decode_signatures(const Json& json, std::vector<proto::UnlSignature>& to) {
    for (const Json& pair : json) {
        const auto key = parse_public_key_hex(text_of(member(pair, "key")));
        const auto signature = Signature::from_hex(text_of(member(pair, "signature")));
        if (!key || !signature) {
            return false;
        }
        to.push_back({*key, *signature});
    }
    return true;
}

bool decode_outputs(const Json& json, std::vector<Bytes>& to) {
    for (const Json& item : json) {
        auto bytes = from_hex(text_of(item));
        if (!item.is_string() || !bytes) {
            return false;
        }
        to.push_back(std::move(*bytes));
    }
    return json.is_array();
}

std::optional<ProofFile> decode_proof(const Json& json) {
    ProofFile out;
    const Json& output = member(json, "output");
    const auto user = parse_public_key_hex(text_of(member(json, "user")));
    const auto ledger = decode_ledger(member(output, "ledger"));
    const auto hash = Hash32::from_hex(text_of(member(output, "output_hash")));
    auto tree = decode_tree(member(output, "hash_tree"));
    if (text_of(member(json, "schema")) != proof_schema || !user || !ledger || !hash || !tree ||
        !decode_outputs(member(output, "outputs_hex"), out.output.outputs) ||
        !decode_signatures(member(output, "signatures"), out.output.unl_signatures)) {
        return std::nullopt;
    }
    out.contract_id = text_of(member(json, "contract_id"));
    out.user = *user;
    out.output.ledger = *ledger;
    out.output.output_hash = *hash;
    out.output.hash_tree = std::move(*tree);
    if (const Json& input = member(json, "input"); input.is_object()) {
        const auto input_hash = Hash32::from_hex(text_of(member(input, "hash")));
        const auto input_ledger = decode_ledger(member(input, "ledger"));
        if (!input_hash || !input_ledger) {
            return std::nullopt;
        }
        out.input = client::SentInput{*input_hash, number_of(member(input, "nonce")),
                                      number_of(member(input, "max_ledger"))};
        out.input_ledger = *input_ledger;
    }
    return out;
}

} // namespace

tl::expected<void, Failure> write_proof(const std::string& path, const ProofFile& proof) {
    Json out = Json::object();
    out["schema"] = proof_schema;
    out["contract_id"] = proof.contract_id;
    out["user"] = proof.user.hex();
    if (proof.input) {
        out["input"]["hash"] = proof.input->hash.hex();
        out["input"]["nonce"] = proof.input->nonce;
        out["input"]["max_ledger"] = proof.input->max_ledger_seq;
        out["input"]["ledger"] = encode_ledger(proof.input_ledger);
    }
    Json& output = out["output"];
    output["ledger"] = encode_ledger(proof.output.ledger);
    output["outputs_hex"] = Json::array();
    for (const Bytes& content : proof.output.outputs) {
        output["outputs_hex"].push_back(to_hex(content));
    }
    output["output_hash"] = proof.output.output_hash.hex();
    output["hash_tree"] = encode_tree(proof.output.hash_tree);
    output["signatures"] = Json::array();
    for (const proto::UnlSignature& item : proof.output.unl_signatures) {
        Json pair = Json::object();
        pair["key"] = item.key.hex();
        pair["signature"] = item.signature.hex();
        output["signatures"].push_back(pair);
    }
    const std::string text = out.dump(4, ' ', false, Json::error_handler_t::replace) + "\n";
    if (const auto written = os::replace_file(path, as_bytes(text), 0644); !written) {
        return failure(ErrorId::cannot_write, written.err().context);
    }
    return {};
}

tl::expected<ProofFile, Failure> read_proof(const std::string& path) {
    const auto text = os::read_file(path, 4 * limits::reply_bytes_max);
    if (!text) {
        return failure(text.err().code == Errc::not_found ? ErrorId::file_not_found
                                                          : ErrorId::bad_file,
                       text.err().context);
    }
    auto proof = decode_proof(Json::parse(text->begin(), text->end(), nullptr, false));
    if (!proof) {
        return failure(ErrorId::bad_file, path + " is not a proof");
    }
    return std::move(*proof);
}

} // namespace hp::cli
