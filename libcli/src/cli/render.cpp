// SPDX-License-Identifier: Apache-2.0
#include "cli/render.hpp"

#include "hp/base/utf8.hpp"
#include "hp/client/rfc3339.hpp"

namespace hp::cli {
namespace {

constexpr std::size_t name_column = 14;

JsonArray to_json(const std::vector<proto::QueriedInput>& inputs) {
    JsonArray out;
    for (const proto::QueriedInput& input : inputs) {
        JsonObject item;
        item.add("user", input.key.hex()).add("hash", input.hash.hex()).add("nonce", input.nonce);
        item.add_content("data", input.blob);
        out.add_raw(item.text());
    }
    return out;
}

JsonArray to_json(const std::vector<proto::QueriedOutput>& outputs) {
    JsonArray out;
    for (const proto::QueriedOutput& output : outputs) {
        JsonArray blobs;
        for (const Bytes& blob : output.blobs) {
            blobs.add_raw(JsonObject().add_content("data", blob).text());
        }
        JsonObject item;
        item.add("user", output.key.hex()).add("hash", output.hash.hex()).add("outputs", blobs);
        out.add_raw(item.text());
    }
    return out;
}

// Content inside a listing: on one line, and quoted unless it is plain.
std::string quoted(ByteView content) {
    return is_utf8(as_text(content)) ? json_string(as_text(content)) : "0x" + to_hex(content);
}

std::string to_text(const std::vector<proto::QueriedInput>& inputs) {
    std::string out = text_row("inputs", std::to_string(inputs.size()));
    for (const proto::QueriedInput& input : inputs) {
        out += "  " + input.key.hex() + " nonce " + std::to_string(input.nonce) + " hash " +
               input.hash.hex() + "\n    " + quoted(input.blob) + "\n";
    }
    return out;
}

std::string to_text(const std::vector<proto::QueriedOutput>& outputs) {
    std::string out = text_row("outputs", std::to_string(outputs.size()));
    for (const proto::QueriedOutput& output : outputs) {
        out += "  " + output.key.hex() + " hash " + output.hash.hex() + "\n";
        for (const Bytes& blob : output.blobs) {
            out += "    " + quoted(blob) + "\n";
        }
    }
    return out;
}

} // namespace

JsonObject to_json(const LedgerId& ledger) {
    JsonObject out;
    out.add("seq", ledger.seq).add("hash", ledger.hash.hex());
    return out;
}

JsonObject to_json(const proto::LedgerHeader& header) {
    JsonObject out;
    out.add("seq", header.seq).add_time("timestamp", header.timestamp_ms);
    out.add("hash", header.hash.hex()).add("prev_hash", header.prev_hash.hex());
    out.add("state_hash", header.state_hash.hex()).add("config_hash", header.config_hash.hex());
    out.add("user_hash", header.user_hash.hex()).add("input_hash", header.input_hash.hex());
    out.add("output_hash", header.output_hash.hex());
    return out;
}

JsonObject to_json(const proto::QueriedLedger& ledger) {
    JsonObject out = to_json(ledger.header);
    if (ledger.inputs) {
        out.add("inputs", to_json(*ledger.inputs));
    }
    if (ledger.outputs) {
        out.add("outputs", to_json(*ledger.outputs));
    }
    return out;
}

JsonObject to_json(const client::OutputProof& proof) {
    JsonObject out;
    out.add("unl", std::uint64_t{proof.validators});
    out.add("signed", std::uint64_t{proof.signed_by});
    out.add("threshold", proof.quorum);
    return out;
}

JsonArray to_json(const std::vector<PublicKey>& keys) {
    JsonArray out;
    for (const PublicKey& key : keys) {
        out.add(key.hex());
    }
    return out;
}

JsonArray outputs_json(const proto::ContractOutput& output) {
    JsonArray out;
    for (const Bytes& content : output.outputs) {
        JsonObject item;
        item.add("ledger", output.ledger.seq).add_content("data", content);
        out.add_raw(item.text());
    }
    return out;
}

std::string text_row(std::string_view name, std::string_view value) {
    std::string out(name);
    out.resize(std::max(out.size() + 1, name_column), ' ');
    return out.append(value) + "\n";
}

std::string to_text(const LedgerId& ledger) {
    return std::to_string(ledger.seq) + " " + ledger.hash.hex();
}

std::string to_text(const proto::QueriedLedger& ledger) {
    const proto::LedgerHeader& header = ledger.header;
    std::string out = text_row("seq", std::to_string(header.seq));
    out += text_row("timestamp", client::rfc3339(header.timestamp_ms));
    out += text_row("hash", header.hash.hex());
    out += text_row("prev_hash", header.prev_hash.hex());
    out += text_row("state_hash", header.state_hash.hex());
    out += text_row("config_hash", header.config_hash.hex());
    out += text_row("user_hash", header.user_hash.hex());
    out += text_row("input_hash", header.input_hash.hex());
    out += text_row("output_hash", header.output_hash.hex());
    out += ledger.inputs ? to_text(*ledger.inputs) : "";
    out += ledger.outputs ? to_text(*ledger.outputs) : "";
    return out;
}

std::string outputs_text(const proto::ContractOutput& output) {
    std::string out;
    for (const Bytes& content : output.outputs) {
        out.append(as_text(content)).append("\n");
    }
    return out;
}

} // namespace hp::cli
