// SPDX-License-Identifier: Apache-2.0
#include "hp/proto/user_codec.hpp"

#include "hp/base/limits.hpp"
#include "hp/crypto/blake3.hpp"
#include "hp/proto/document.hpp"

namespace hp::proto {
namespace {

using Type = Value::Type;

// --- fields that differ between the encodings ----------------------------------------------------

// Hashes, keys, signatures: hex text in JSON, binary in BSON.
std::optional<Bytes> binary_field(Encoding encoding, const Value* value) {
    if (value == nullptr) {
        return std::nullopt;
    }
    if (encoding == Encoding::json) {
        return value->type == Type::string ? from_hex(value->text) : std::nullopt;
    }
    return value->type == Type::binary ? std::optional(to_bytes(value->text)) : std::nullopt;
}

template <class Fixed>
std::optional<Fixed> fixed_field(Encoding encoding, const Value* value) {
    const auto bytes = binary_field(encoding, value);
    return bytes ? Fixed::from(*bytes) : std::nullopt;
}

// What users send to contracts: text in JSON, binary in BSON.
std::optional<Bytes> content_field(Encoding encoding, const Value& object, std::string_view name) {
    const Value* value =
        object.find(name, encoding == Encoding::json ? Type::string : Type::binary);
    return value != nullptr ? std::optional(to_bytes(value->text)) : std::nullopt;
}

// What contracts send to users: in JSON possibly any value, given back as its text.
std::optional<Bytes> contract_content(Encoding encoding, const Value& value) {
    if (encoding == Encoding::bson) {
        return value.type == Type::binary ? std::optional(to_bytes(value.text)) : std::nullopt;
    }
    return value.type == Type::string ? to_bytes(value.text) : write_json(value);
}

// --- requests
// -------------------------------------------------------------------------------------

DecodedRequest decode_input(Encoding encoding, const Value& message) {
    auto container = content_field(encoding, message, "input_container");
    const auto signature = fixed_field<Signature>(encoding, message.find("sig"));
    if (!container || !signature) {
        return tl::unexpected(RequestError::bad_input_fields);
    }
    return UserRequest(InputRequest{std::move(*container), *signature});
}

DecodedRequest decode_read(Encoding encoding, const Value& message) {
    const Value* id = message.find("id", Type::string);
    auto content = content_field(encoding, message, "content");
    if (id == nullptr || id->text.size() > limits::request_id_bytes_max || !content) {
        return tl::unexpected(RequestError::bad_read_fields);
    }
    return UserRequest(ReadRequest{id->text, std::move(*content)});
}

DecodedRequest decode_subscription(const Value& message) {
    const Value* name = message.find("channel", Type::string);
    const Value* enabled = message.find("enabled", Type::boolean);
    const auto channel = name != nullptr ? parse_channel(name->text) : std::nullopt;
    if (!channel || enabled == nullptr) {
        return tl::unexpected(RequestError::bad_subscription);
    }
    return UserRequest(SubscriptionRequest{*channel, enabled->boolean});
}

DecodedRequest decode_query(const Value& message) {
    const Value* id = message.find("id", Type::string);
    const Value* filter = message.find("filter_by", Type::string);
    const Value* params = message.find("params", Type::object);
    const Value* seq = params != nullptr ? params->find("seq_no", Type::integer) : nullptr;
    const Value* include = message.find("include", Type::array);
    if (id == nullptr || id->text.empty() || id->text.size() > limits::request_id_bytes_max ||
        filter == nullptr || filter->text != "seq_no" || seq == nullptr || include == nullptr) {
        return tl::unexpected(RequestError::bad_query);
    }
    LedgerQuery query{.id = id->text, .seq = seq->integer};
    for (const Value& item : include->items) {
        query.inputs |= item.type == Type::string && item.text == "inputs";
        query.outputs |= item.type == Type::string && item.text == "outputs";
    }
    return UserRequest(std::move(query));
}

// --- building replies ----------------------------------------------------------------------------

template <class Fixed>
Value hash(const Fixed& value) {
    return Value::binary(value.view());
}

Value key_list(const std::vector<PublicKey>& keys) {
    std::vector<Value> items;
    for (const PublicKey& key : keys) {
        items.push_back(hash(key));
    }
    return Value::array_of(std::move(items));
}

Value typed(std::string_view type) {
    Value message = Value::object();
    message.add("type", Value::of(type));
    return message;
}

Value tree_value(const crypto::TreeNode& tree) {
    if (tree.is_own_leaf()) {
        return Value{};
    }
    if (const auto* leaf = std::get_if<Hash32>(&tree.value)) {
        return hash(*leaf);
    }
    std::vector<Value> children;
    for (const crypto::TreeNode& child : std::get<std::vector<crypto::TreeNode>>(tree.value)) {
        children.push_back(tree_value(child));
    }
    return Value::array_of(std::move(children));
}

Value header_value(const LedgerHeader& header) {
    Value value = Value::object();
    value.add("seq_no", Value::of(header.seq));
    value.add("timestamp", Value::of(static_cast<std::uint64_t>(header.timestamp_ms)));
    value.add("hash", hash(header.hash));
    value.add("prev_hash", hash(header.prev_hash));
    value.add("state_hash", hash(header.state_hash));
    value.add("config_hash", hash(header.config_hash));
    value.add("user_hash", hash(header.user_hash));
    value.add("input_hash", hash(header.input_hash));
    value.add("output_hash", hash(header.output_hash));
    return value;
}

Value build(const InputStatus& status) {
    Value message = typed("contract_input_status");
    message.add("status", Value::of(status.rejected ? "rejected" : "accepted"));
    if (status.rejected) {
        message.add("reason", Value::of(to_string(*status.rejected)));
    }
    message.add("input_hash", Value::binary(status.input_hash));
    if (!status.rejected) {
        message.add("ledger_seq_no", Value::of(status.ledger.seq));
        message.add("ledger_hash", hash(status.ledger.hash));
    }
    return message;
}

Value build(const ContractOutput& output) {
    std::vector<Value> outputs;
    for (const Bytes& bytes : output.outputs) {
        outputs.push_back(Value::content_of(bytes));
    }
    std::vector<Value> pairs;
    for (const UnlSignature& pair : output.unl_signatures) {
        pairs.push_back(Value::array_of({hash(pair.key), hash(pair.signature)}));
    }
    Value message = typed("contract_output");
    message.add("ledger_seq_no", Value::of(output.ledger.seq));
    message.add("ledger_hash", hash(output.ledger.hash));
    message.add("outputs", Value::array_of(std::move(outputs)));
    message.add("output_hash", hash(output.output_hash));
    message.add("hash_tree", tree_value(output.hash_tree));
    message.add("unl_sig", Value::array_of(std::move(pairs)));
    return message;
}

Value build(const ReadResponse& response) {
    Value message = typed("contract_read_response");
    message.add("reply_for", Value::of(response.reply_for));
    message.add("content", Value::content_of(response.content));
    return message;
}

Value build(const StatResponse& stat) {
    std::vector<Value> peers;
    for (const std::string& peer : stat.peers) {
        peers.push_back(Value::of(peer));
    }
    Value message = typed("stat_response");
    message.add("hp_version", Value::of(stat.hp_version));
    message.add("ledger_seq_no", Value::of(stat.ledger.seq));
    message.add("ledger_hash", hash(stat.ledger.hash));
    message.add("vote_status", Value::of(to_string(stat.vote_status)));
    message.add("round_time", Value::of(std::uint64_t{stat.round_time_ms}));
    message.add("contract_execution_enabled", Value::of(stat.contract_execution_enabled));
    message.add("read_requests_enabled", Value::of(stat.read_requests_enabled));
    message.add("is_full_history_node", Value::of(stat.is_full_history_node));
    message.add("weakly_connected", Value::of(stat.weakly_connected));
    message.add("current_unl", key_list(stat.current_unl));
    message.add("peers", Value::array_of(std::move(peers)));
    message.add("node_version", Value::of(stat.node_version));
    return message;
}

Value build(const LclResponse& response) {
    Value message = typed("lcl_response");
    message.add("ledger_seq_no", Value::of(response.ledger.seq));
    message.add("ledger_hash", hash(response.ledger.hash));
    return message;
}

Value build(const UnlChange& change) {
    Value message = typed("unl_change");
    message.add("unl", key_list(change.unl));
    return message;
}

Value build(const LedgerCreated& event) {
    Value message = typed("ledger_event");
    message.add("event", Value::of("ledger_created"));
    message.add("ledger", header_value(event.ledger));
    return message;
}

Value build(const VoteStatusEvent& event) {
    Value message = typed("ledger_event");
    message.add("event", Value::of("vote_status"));
    message.add("vote_status", Value::of(to_string(event.status)));
    return message;
}

Value min_max_avg(const MinMaxAvg& stats) {
    Value value = Value::object();
    value.add("min", Value::of(stats.min));
    value.add("max", Value::of(stats.max));
    value.add("avg", Value::of(stats.avg));
    return value;
}

Value build(const ProposalHealth& health) {
    Value message = typed("health_event");
    message.add("event", Value::of("proposal"));
    message.add("comm_latency", min_max_avg(health.comm_latency_ms));
    message.add("read_latency", min_max_avg(health.read_latency_ms));
    message.add("batch_size", Value::of(health.batch_size));
    return message;
}

Value build(const ConnectivityHealth& health) {
    Value message = typed("health_event");
    message.add("event", Value::of("connectivity"));
    message.add("peer_count", Value::of(health.peer_count));
    message.add("weakly_connected", Value::of(health.weakly_connected));
    return message;
}

Value inputs_value(const std::vector<QueriedInput>& inputs) {
    std::vector<Value> items;
    for (const QueriedInput& input : inputs) {
        Value item = Value::object();
        item.add("pubkey", hash(input.key));
        item.add("hash", hash(input.hash));
        item.add("nonce", Value::of(input.nonce));
        item.add("blob", Value::binary(input.blob));
        items.push_back(std::move(item));
    }
    return Value::array_of(std::move(items));
}

Value outputs_value(const std::vector<QueriedOutput>& outputs) {
    std::vector<Value> items;
    for (const QueriedOutput& output : outputs) {
        std::vector<Value> blobs;
        for (const Bytes& blob : output.blobs) {
            blobs.push_back(Value::binary(blob));
        }
        Value item = Value::object();
        item.add("pubkey", hash(output.key));
        item.add("hash", hash(output.hash));
        item.add("blobs", Value::array_of(std::move(blobs)));
        items.push_back(std::move(item));
    }
    return Value::array_of(std::move(items));
}

Value build(const LedgerQueryResult& result) {
    std::vector<Value> results;
    for (const QueriedLedger& ledger : result.results) {
        Value value = header_value(ledger.header);
        if (ledger.inputs) {
            value.add("inputs", inputs_value(*ledger.inputs));
        }
        if (ledger.outputs) {
            value.add("outputs", outputs_value(*ledger.outputs));
        }
        results.push_back(std::move(value));
    }
    Value message = typed("ledger_query_result");
    message.add("reply_for", Value::of(result.reply_for));
    message.add("error", result.exec_failure ? Value::of("exec_failure") : Value{});
    message.add("results", Value::array_of(std::move(results)));
    return message;
}

// --- requests, client side -----------------------------------------------------------------------

// Users' content is text in JSON (never embedded raw), binary in BSON.
Value user_content(Encoding encoding, ByteView bytes) {
    return encoding == Encoding::json ? Value::of(as_text(bytes)) : Value::binary(bytes);
}

Value build(Encoding, const StatRequest&) {
    return typed("stat");
}

Value build(Encoding, const LclRequest&) {
    return typed("lcl");
}

Value build(Encoding encoding, const InputRequest& request) {
    Value message = typed("contract_input");
    message.add("input_container", user_content(encoding, request.container));
    message.add("sig", hash(request.signature));
    return message;
}

Value build(Encoding encoding, const ReadRequest& request) {
    Value message = typed("contract_read_request");
    message.add("id", Value::of(request.id));
    message.add("content", user_content(encoding, request.content));
    return message;
}

Value build(Encoding, const SubscriptionRequest& request) {
    Value message = typed("subscription");
    message.add("channel", Value::of(to_string(request.channel)));
    message.add("enabled", Value::of(request.enabled));
    return message;
}

Value build(Encoding, const LedgerQuery& query) {
    Value params = Value::object();
    params.add("seq_no", Value::of(query.seq));
    std::vector<Value> include;
    if (query.inputs) {
        include.push_back(Value::of("inputs"));
    }
    if (query.outputs) {
        include.push_back(Value::of("outputs"));
    }
    Value message = typed("ledger_query");
    message.add("id", Value::of(query.id));
    message.add("filter_by", Value::of("seq_no"));
    message.add("params", std::move(params));
    message.add("include", Value::array_of(std::move(include)));
    return message;
}

} // namespace

DecodedRequest decode_request(Encoding encoding, ByteView bytes) {
    const auto message = parse(encoding, bytes, request_limits);
    const Value* type = message ? message->find("type", Type::string) : nullptr;
    if (type == nullptr) {
        return tl::unexpected(RequestError::bad_message);
    }
    if (type->text == "contract_input") {
        return decode_input(encoding, *message);
    }
    if (type->text == "contract_read_request") {
        return decode_read(encoding, *message);
    }
    if (type->text == "stat") {
        return UserRequest(StatRequest{});
    }
    if (type->text == "lcl") {
        return UserRequest(LclRequest{});
    }
    if (type->text == "subscription") {
        return decode_subscription(*message);
    }
    if (type->text == "ledger_query") {
        return decode_query(*message);
    }
    return tl::unexpected(RequestError::unknown_type);
}

Result<InputContainer> decode_container(Encoding encoding, ByteView bytes) {
    const auto message = parse(encoding, bytes, request_limits);
    if (!message) {
        return fail(Errc::invalid, "input container is not well formed");
    }
    auto input = content_field(encoding, *message, "input");
    const Value* nonce = message->find("nonce", Type::integer);
    const Value* max_seq = message->find("max_ledger_seq_no", Type::integer);
    if (!input || nonce == nullptr || nonce->integer == 0 || max_seq == nullptr) {
        return fail(Errc::invalid, "input container needs input, nonce > 0, max_ledger_seq_no");
    }
    return InputContainer{std::move(*input), nonce->integer, max_seq->integer};
}

Bytes encode_message(Encoding encoding, const ServerMessage& message) {
    return write(encoding, std::visit([](const auto& m) { return build(m); }, message));
}

Bytes encode_request(Encoding encoding, const UserRequest& request) {
    return write(encoding,
                 std::visit([encoding](const auto& r) { return build(encoding, r); }, request));
}

Bytes encode_container(Encoding encoding, const InputContainer& container) {
    Value value = Value::object();
    value.add("input", user_content(encoding, container.input));
    value.add("nonce", Value::of(container.nonce));
    value.add("max_ledger_seq_no", Value::of(container.max_ledger_seq));
    return write(encoding, value);
}

Hash32 input_hash(const Signature& signature) {
    return crypto::b3(signature.view());
}

// --- messages, client side -----------------------------------------------------------------------

namespace {

const std::vector<Value> no_items;
const Value no_members = Value::object();

// Collects fields and remembers whether any was missing, so that decoders read as a list.
class FieldReader {
public:
    FieldReader(Encoding encoding, const Value& object) : encoding_(encoding), object_(object) {}

    std::uint64_t integer(std::string_view name) {
        const Value* value = need(object_.find(name, Type::integer));
        return value != nullptr ? value->integer : 0;
    }
    bool boolean(std::string_view name) {
        const Value* value = need(object_.find(name, Type::boolean));
        return value != nullptr && value->boolean;
    }
    std::string text(std::string_view name) {
        const Value* value = need(object_.find(name, Type::string));
        return value != nullptr ? value->text : std::string();
    }
    Bytes binary(std::string_view name) {
        auto bytes = binary_field(encoding_, object_.find(name));
        ok_ = ok_ && bytes.has_value();
        return bytes.value_or(Bytes{});
    }
    template <class Fixed>
    Fixed fixed(std::string_view name) {
        return fixed_item<Fixed>(object_.find(name));
    }
    template <class Fixed>
    Fixed fixed_item(const Value* value) {
        const auto parsed = fixed_field<Fixed>(encoding_, value);
        ok_ = ok_ && parsed.has_value();
        return parsed.value_or(Fixed{});
    }
    const std::vector<Value>& items(std::string_view name) {
        const Value* value = need(object_.find(name, Type::array));
        return value != nullptr ? value->items : no_items;
    }
    std::vector<PublicKey> keys(std::string_view name) {
        std::vector<PublicKey> out;
        for (const Value& item : items(name)) {
            out.push_back(fixed_item<PublicKey>(&item));
        }
        return out;
    }
    Bytes content(const Value* value) {
        auto bytes = value != nullptr ? contract_content(encoding_, *value) : std::nullopt;
        ok_ = ok_ && bytes.has_value();
        return bytes.value_or(Bytes{});
    }
    FieldReader object(std::string_view name) {
        const Value* value = need(object_.find(name, Type::object));
        return {encoding_, value != nullptr ? *value : no_members};
    }
    LedgerId ledger() { return {integer("ledger_seq_no"), fixed<Hash32>("ledger_hash")}; }
    const Value* find(std::string_view name) const { return object_.find(name); }
    void merge(const FieldReader& other) { ok_ = ok_ && other.ok_; }
    void reject() { ok_ = false; }
    bool ok() const { return ok_; }
    Encoding encoding() const { return encoding_; }

private:
    const Value* need(const Value* value) {
        ok_ = ok_ && value != nullptr;
        return value;
    }

    Encoding encoding_;
    const Value& object_;
    bool ok_ = true;
};

// Trees come from the network: bounded like every nesting.
crypto::TreeNode read_tree(FieldReader& fields, const Value* value) {
    if (value == nullptr) {
        fields.reject();
        return {};
    }
    if (value->type == Type::null) {
        return {};
    }
    if (value->type == Type::array) {
        std::vector<crypto::TreeNode> children;
        for (const Value& item : value->items) {
            children.push_back(read_tree(fields, &item));
        }
        return {std::move(children)};
    }
    return {fields.fixed_item<Hash32>(value)};
}

LedgerHeader read_header(FieldReader fields, FieldReader& outer) {
    LedgerHeader header;
    header.seq = fields.integer("seq_no");
    header.timestamp_ms = static_cast<TimeMs>(fields.integer("timestamp"));
    header.hash = fields.fixed<Hash32>("hash");
    header.prev_hash = fields.fixed<Hash32>("prev_hash");
    header.state_hash = fields.fixed<Hash32>("state_hash");
    header.config_hash = fields.fixed<Hash32>("config_hash");
    header.user_hash = fields.fixed<Hash32>("user_hash");
    header.input_hash = fields.fixed<Hash32>("input_hash");
    header.output_hash = fields.fixed<Hash32>("output_hash");
    outer.merge(fields);
    return header;
}

ServerMessage read_status(FieldReader& fields) {
    InputStatus status;
    status.input_hash = fields.binary("input_hash");
    if (fields.text("status") == "accepted") {
        status.ledger = fields.ledger();
        return status;
    }
    status.rejected = parse_reject_reason(fields.text("reason"));
    if (!status.rejected) {
        fields.reject();
    }
    return status;
}

ServerMessage read_output(FieldReader& fields) {
    ContractOutput output;
    output.ledger = fields.ledger();
    for (const Value& item : fields.items("outputs")) {
        output.outputs.push_back(fields.content(&item));
    }
    output.output_hash = fields.fixed<Hash32>("output_hash");
    output.hash_tree = read_tree(fields, fields.find("hash_tree"));
    for (const Value& pair : fields.items("unl_sig")) {
        if (pair.type != Type::array || pair.items.size() != 2) {
            fields.reject();
            continue;
        }
        output.unl_signatures.push_back({fields.fixed_item<PublicKey>(&pair.items[0]),
                                         fields.fixed_item<Signature>(&pair.items[1])});
    }
    return output;
}

ServerMessage read_stat(FieldReader& fields) {
    StatResponse stat;
    stat.hp_version = fields.text("hp_version");
    stat.ledger = fields.ledger();
    const auto status = parse_vote_status(fields.text("vote_status"));
    stat.vote_status = status.value_or(VoteStatus::unknown);
    const std::uint64_t round_time_ms = fields.integer("round_time");
    if (round_time_ms > UINT32_MAX) {
        fields.reject();
    }
    stat.round_time_ms = static_cast<std::uint32_t>(round_time_ms);
    stat.contract_execution_enabled = fields.boolean("contract_execution_enabled");
    stat.read_requests_enabled = fields.boolean("read_requests_enabled");
    stat.is_full_history_node = fields.boolean("is_full_history_node");
    stat.weakly_connected = fields.boolean("weakly_connected");
    stat.current_unl = fields.keys("current_unl");
    for (const Value& item : fields.items("peers")) {
        if (item.type != Type::string) { // BSON binary would be text that is no UTF-8
            fields.reject();
        }
        stat.peers.push_back(item.text);
    }
    if (fields.find("node_version") != nullptr) {
        stat.node_version = fields.text("node_version");
    }
    return stat;
}

ServerMessage read_ledger_event(FieldReader& fields) {
    if (fields.text("event") == "ledger_created") {
        return LedgerCreated{read_header(fields.object("ledger"), fields)};
    }
    const auto status = parse_vote_status(fields.text("vote_status"));
    if (!status) {
        fields.reject();
    }
    return VoteStatusEvent{status.value_or(VoteStatus::unknown)};
}

MinMaxAvg read_min_max_avg(FieldReader fields, FieldReader& outer) {
    const MinMaxAvg stats{fields.integer("min"), fields.integer("max"), fields.integer("avg")};
    outer.merge(fields);
    return stats;
}

ServerMessage read_health_event(FieldReader& fields) {
    if (fields.text("event") == "proposal") {
        ProposalHealth health;
        health.comm_latency_ms = read_min_max_avg(fields.object("comm_latency"), fields);
        health.read_latency_ms = read_min_max_avg(fields.object("read_latency"), fields);
        health.batch_size = fields.integer("batch_size");
        return health;
    }
    return ConnectivityHealth{fields.integer("peer_count"), fields.boolean("weakly_connected")};
}

std::vector<QueriedInput> read_inputs(const Value& list, FieldReader& outer) {
    std::vector<QueriedInput> inputs;
    for (const Value& item : list.items) {
        FieldReader fields(outer.encoding(), item);
        inputs.push_back({fields.fixed<PublicKey>("pubkey"), fields.fixed<Hash32>("hash"),
                          fields.integer("nonce"), fields.binary("blob")});
        outer.merge(fields);
    }
    return inputs;
}

std::vector<QueriedOutput> read_outputs(const Value& list, FieldReader& outer) {
    std::vector<QueriedOutput> outputs;
    for (const Value& item : list.items) {
        FieldReader fields(outer.encoding(), item);
        QueriedOutput output{fields.fixed<PublicKey>("pubkey"), fields.fixed<Hash32>("hash"), {}};
        for (const Value& blob : fields.items("blobs")) {
            auto bytes = binary_field(outer.encoding(), &blob);
            output.blobs.push_back(bytes.value_or(Bytes{}));
        }
        outputs.push_back(std::move(output));
        outer.merge(fields);
    }
    return outputs;
}

ServerMessage read_query_result(FieldReader& fields) {
    LedgerQueryResult result;
    result.reply_for = fields.text("reply_for");
    const Value* error = fields.find("error");
    result.exec_failure = error != nullptr && error->type != Type::null;
    for (const Value& item : fields.items("results")) {
        QueriedLedger ledger;
        ledger.header = read_header(FieldReader(fields.encoding(), item), fields);
        if (const Value* inputs = item.find("inputs", Type::array); inputs != nullptr) {
            ledger.inputs = read_inputs(*inputs, fields);
        }
        if (const Value* outputs = item.find("outputs", Type::array); outputs != nullptr) {
            ledger.outputs = read_outputs(*outputs, fields);
        }
        result.results.push_back(std::move(ledger));
    }
    return result;
}

ServerMessage read_read_response(FieldReader& fields) {
    return ReadResponse{fields.text("reply_for"), fields.content(fields.find("content"))};
}

ServerMessage read_lcl(FieldReader& fields) {
    return LclResponse{fields.ledger()};
}

ServerMessage read_unl_change(FieldReader& fields) {
    return UnlChange{fields.keys("unl")};
}

struct MessageReader {
    std::string_view type;
    ServerMessage (*read)(FieldReader&);
};

constexpr MessageReader message_readers[] = {
    {"contract_input_status", read_status},
    {"contract_output", read_output},
    {"contract_read_response", read_read_response},
    {"stat_response", read_stat},
    {"lcl_response", read_lcl},
    {"unl_change", read_unl_change},
    {"ledger_event", read_ledger_event},
    {"health_event", read_health_event},
    {"ledger_query_result", read_query_result},
};

} // namespace

Result<ServerMessage> decode_message(Encoding encoding, ByteView bytes) {
    const auto document = parse(encoding, bytes, server_message_limits);
    const Value* type = document ? document->find("type", Type::string) : nullptr;
    if (type == nullptr) {
        return fail(Errc::invalid, "message is not an object with a type");
    }
    for (const MessageReader& reader : message_readers) {
        if (reader.type == type->text) {
            FieldReader fields(encoding, *document);
            ServerMessage message = reader.read(fields);
            if (!fields.ok()) {
                return fail(Errc::invalid, type->text + " lacks a field or has a wrong type");
            }
            return message;
        }
    }
    return fail(Errc::unsupported, "unknown message type " + type->text);
}

} // namespace hp::proto
