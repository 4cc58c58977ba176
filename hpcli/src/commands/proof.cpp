// SPDX-License-Identifier: Apache-2.0
// proof: outputs that were kept with their proof, checked without any node.
#include "commands.hpp"

#include "cli/options.hpp"
#include "cli/output_proof.hpp"
#include "cli/render.hpp"

namespace hp::cli {
namespace {

JsonObject input_json(const ProofFile& proof) {
    JsonObject out;
    out.add("hash", proof.input->hash.hex()).add("nonce", proof.input->nonce);
    return out.add("max_ledger", proof.input->max_ledger_seq);
}

void describe_proof(const ProofFile& proof, JsonObject& out) {
    out.add("contract_id", proof.contract_id).add("user", proof.user.hex());
    if (proof.input) {
        out.add("input", input_json(proof)).add("input_ledger", to_json(proof.input_ledger));
    }
    out.add("ledger", to_json(proof.output.ledger)).add("outputs", outputs_json(proof.output));
    JsonArray signers;
    for (const proto::UnlSignature& item : proof.output.unl_signatures) {
        signers.add(item.key.hex());
    }
    out.add("signed_by", signers);
}

std::string text_of(const ProofFile& proof) {
    std::string out = text_row("contract", proof.contract_id);
    out += text_row("user", proof.user.hex());
    if (proof.input) {
        out += text_row("input", proof.input->hash.hex());
    }
    out += text_row("ledger", to_text(proof.output.ledger));
    for (const proto::UnlSignature& item : proof.output.unl_signatures) {
        out += text_row("signed by", item.key.hex());
    }
    for (const Bytes& content : proof.output.outputs) {
        out += text_row("output", JsonObject().add_content("data", content).text());
    }
    return out;
}

Outcome run_proof_show(const Args& args) {
    const auto proof = read_proof(args.arguments.front());
    if (!proof) {
        return tl::unexpected(proof.error());
    }
    if (!args.json) {
        return Answer{text_of(*proof)};
    }
    JsonObject out = document(args.schema);
    describe_proof(*proof, out);
    return Answer{out.text() + "\n"};
}

Outcome run_proof_verify(const Args& args) {
    std::vector<PublicKey> validators;
    for (const std::string& text : args.options.all("validator")) {
        const auto key = parse_public_key_hex(text);
        if (!key) {
            return bad_value("--validator", text, "66 hex characters starting with ed");
        }
        validators.push_back(*key);
    }
    double quorum = client::default_quorum;
    OptionReader reader(args);
    reader.take("quorum", "a share such as 0.8", parse_share, quorum);
    if (auto checked = reader.done(true); !checked) {
        return tl::unexpected(std::move(checked.error()));
    }
    if (validators.empty()) {
        return failure(ErrorId::usage, "whose signatures count? Give --validator",
                       "a proof cannot say itself whom to trust; hpcli trust list shows keys");
    }
    const auto proof = read_proof(args.arguments.front());
    if (!proof) {
        return tl::unexpected(proof.error());
    }
    const auto verdict = client::verify_output(proof->output, proof->user, validators, quorum);
    if (!verdict.ok()) {
        return failure(ErrorId::unproven_output, explain(verdict));
    }
    if (!args.json) {
        return Answer{std::to_string(verdict.signed_by) + " of " +
                      std::to_string(verdict.validators) + " validators signed these outputs\n"};
    }
    JsonObject out = document(args.schema);
    describe_proof(*proof, out);
    out.add("validated", to_json(verdict));
    return Answer{out.text() + "\n"};
}

constexpr std::array proof_verify_options = {
    OptionInfo{"--validator", "HEX...", "a node key whose signature counts (repeat)"},
    OptionInfo{"--quorum", "SHARE", "how many of them must have signed (default 0.8)"},
};

constexpr std::string_view proof_fields =
    "ok:bool contract_id:text user:key input?:input input_ledger?:ledger ledger:ledger "
    "outputs:[output] signed_by:[key] validated?:validated";

constexpr std::array proof_table = {
    CommandInfo{"proof verify", "FILE", 1, 1, Scope::offline,
                "Check kept outputs against validators' keys, without a node (exit 8)",
                "hpcli proof verify total.proof --validator \"$node_key\"",
                "hpcli proof verify p.json --validator $A --validator $B --quorum 1 --json",
                proof_verify_options, proof_fields, run_proof_verify},
    CommandInfo{"proof show",
                "FILE",
                1,
                1,
                Scope::offline,
                "Show what a proof is about",
                "hpcli proof show total.proof",
                "hpcli proof show p.json --json | jq .outputs",
                {},
                proof_fields,
                run_proof_show},
};

} // namespace

Commands proof_commands() {
    return proof_table;
}

} // namespace hp::cli
