// SPDX-License-Identifier: Apache-2.0
//
// patch.cfg between bytes, Value and Config. Writing begins with the document that was read and
// touches only fields that differ from it, so nothing else in the file can change.
//
// Threads: see config.hpp.
#include "config_fields.hpp"

#include <hp/contract/files.hpp>
#include <hp/contract/json.hpp>

namespace hp::contract {
namespace {

constexpr unsigned indent = 4;

void add_line(std::string& lines, std::string_view line) {
    if (!lines.empty() && !line.empty())
        lines += '\n';
    lines += line;
}

/// The object a field is a member of, or nullptr.
const Value* find_section(const Value& document, std::string_view section) {
    const Value* const found = section.empty() ? &document : document.find(section);
    return found != nullptr && found->type() == Value::Type::object ? found : nullptr;
}

/// Empty, or what is wrong.
std::string read_field(const detail::ConfigField& field, const Value& document, Config& config) {
    const Value* const section = find_section(document, field.section);
    const Value* const value = section == nullptr ? nullptr : section->find(field.name);
    if (value == nullptr)
        return field.path() + ": is missing";
    return field.read(*value, field.path(), config);
}

/// True if the document says already what `config` says, in whatever spelling.
bool is_unchanged(const detail::ConfigField& field, const Config& config) {
    Config as_written;
    return read_field(field, config.document, as_written).empty() &&
           field.write(as_written) == field.write(config);
}

void write_field(const detail::ConfigField& field, const Config& config, Value& document) {
    if (field.section.empty()) {
        document.set(field.name, field.write(config));
        return;
    }
    if (document.find(field.section) == nullptr)
        document.set(field.section, Value::Object());
    document.find(field.section)->set(field.name, field.write(config));
}

} // namespace

Result<Config> decode_config(std::string_view text) {
    Result<Value> document = decode_json(text);
    if (!document)
        return document.error();
    if (document->type() != Value::Type::object)
        return Error(std::errc::invalid_argument, "the configuration must be an object");
    Config config;
    std::string problems;
    for (const detail::ConfigField& field : detail::config_fields())
        add_line(problems, read_field(field, *document, config));
    if (!problems.empty())
        return Error(std::errc::invalid_argument, problems);
    config.document = std::move(*document);
    return config;
}

std::string encode_config(const Config& config) {
    Value document = config.document;
    for (const detail::ConfigField& field : detail::config_fields())
        if (!is_unchanged(field, config))
            write_field(field, config, document);
    return encode_json(document, indent);
}

Result<Config> read_config() {
    const Result<std::string> text = read_file(std::string(config_path));
    if (!text)
        return text.error();
    Result<Config> config = decode_config(*text);
    if (!config)
        return Error(config.error().code, std::string(config_path) + ": " + config.error().message);
    return config;
}

int read_roundtime_ms() {
    const auto config = read_config();
    return config ? static_cast<int>(config->consensus.roundtime_ms) : 1000;
}

Status update_config(const Context& context, const Config& config) {
    if (context.readonly())
        return Error(std::errc::operation_not_permitted,
                     "a read request cannot change the configuration");
    if (Status verified = verify_config(config); !verified)
        return verified;
    const std::string path(config_path);
    const std::string text = encode_config(config);
    // Left alone if it says this already: a file that is not written cannot be damaged.
    if (const Result<std::string> old = read_file(path); old && *old == text)
        return {};
    return replace_file(path, text);
}

Status modify_config(const Context& context, const std::function<void(Config&)>& change) {
    if (context.readonly()) // before `change` does things it cannot take back
        return Error(std::errc::operation_not_permitted,
                     "a read request cannot change the configuration");
    Result<Config> config = read_config();
    if (!config)
        return config.error();
    change(*config);
    return update_config(context, *config);
}

} // namespace hp::contract
