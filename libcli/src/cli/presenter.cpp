// SPDX-License-Identifier: Apache-2.0
#include "cli/presenter.hpp"

#include "cli/schema.hpp"
#include "cli/user_files.hpp"
#include "cli/values.hpp"

#include <algorithm>

namespace hp::cli {
namespace {

using Path = std::vector<std::string>;

Path split_path(const std::string& field) {
    Path out;
    std::size_t start = 0;
    while (true) {
        const std::size_t dot = field.find('.', start);
        out.push_back(field.substr(start, dot - start));
        if (dot == std::string::npos) {
            return out;
        }
        start = dot + 1;
    }
}

// Null when there is nothing.
const Json* look_up(const Json& object, const Path& path) {
    const Json* at = &object;
    for (const std::string& name : path) {
        if (!at->is_object() || !at->contains(name)) {
            return nullptr;
        }
        at = &(*at)[name];
    }
    return at;
}

// Whether a document of this schema may have the path. Anything may be in what is not described.
bool allows(const Json& schema, const Path& path, std::size_t from = 0) {
    if (from == path.size()) {
        return true;
    }
    if (schema.contains("properties")) {
        const Json& properties = schema["properties"];
        if (properties.contains(path[from])) {
            return allows(properties[path[from]], path, from + 1);
        }
        return schema.contains("additionalProperties") &&
               allows(schema["additionalProperties"], path, from + 1);
    }
    return schema.empty();
}

// What the items of a list are, when they are objects.
const Json* items_of(const Json& schema, const std::string& name) {
    const Json& properties = schema["properties"];
    if (!properties.contains(name) || !properties[name].contains("items") ||
        !properties[name]["items"].contains("properties")) {
        return nullptr;
    }
    return &properties[name]["items"];
}

std::string text_of(const Json* value) {
    if (value == nullptr || value->is_null()) {
        return {};
    }
    return value->is_string() ? value->get<std::string>()
                              : value->dump(-1, ' ', false, Json::error_handler_t::replace);
}

void add_leaves(const Json& object, const std::string& prefix, std::vector<std::string>& out) {
    for (const auto& [name, value] : object.items()) {
        if (prefix.empty() && (name == "schema" || name == "ok")) {
            continue;
        }
        if (value.is_object() && !value.empty()) {
            add_leaves(value, prefix + name + ".", out);
        } else {
            out.push_back(prefix + name);
        }
    }
}

// Text of a server must not steer the terminal, nor break the line.
std::string table_cell(std::string text) {
    for (char& c : text) {
        const auto byte = static_cast<unsigned char>(c);
        c = byte < 0x20 || byte == 0x7f ? '?' : c;
    }
    return text.empty() ? "-" : text;
}

} // namespace

std::string tsv_cell(std::string_view text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
        case '\t':
            out += "\\t";
            break;
        case '\n':
            out += "\\n";
            break;
        case '\r':
            out += "\\r";
            break;
        case '\\':
            out += "\\\\";
            break;
        default:
            out += c;
        }
    }
    return out;
}

struct Presenter::Impl {
    OutputFormat format = OutputFormat::table;
    std::vector<std::string> fields;
    Json schema;
    std::vector<std::string> heading; // that was printed last
    std::vector<std::size_t> widths;

    // The list that the document's rows are in; empty when the document is the row.
    std::string list_in(const Json& document) const {
        std::string out;
        for (const auto& [name, value] : document.items()) {
            if (value.is_array() && items_of(schema, name) != nullptr) {
                if (!out.empty()) {
                    return {}; // two of them: neither is more than the other
                }
                out = name;
            }
        }
        if (out.empty()) {
            return out;
        }
        const auto is_of_rows = [&](const std::string& field) {
            const Path path = split_path(field);
            return look_up(document, path) == nullptr &&
                   allows(*items_of(schema, out), in_row(path, out));
        };
        const bool wanted = fields.empty() || std::ranges::any_of(fields, is_of_rows);
        return wanted ? out : std::string();
    }

    // "nodes.url" and "url" mean the same in the rows of "nodes".
    static Path in_row(Path path, const std::string& list) {
        if (path.size() > 1 && path.front() == list) {
            path.erase(path.begin());
        }
        return path;
    }

    static const Json* value_of(const Json& document, const std::string& list, const Json& row,
                                const std::string& field) {
        const Path path = split_path(field);
        if (const Json* found = list.empty() ? nullptr : look_up(row, in_row(path, list))) {
            return found;
        }
        return look_up(document, path);
    }

    std::string show_rows(const Json& document) {
        const std::string list = list_in(document);
        std::vector<const Json*> rows;
        if (list.empty()) {
            rows.push_back(&document);
        } else {
            for (const Json& row : document[list]) {
                rows.push_back(&row);
            }
        }
        std::vector<std::string> columns = fields;
        if (columns.empty()) {
            for (const Json* row : rows) {
                std::vector<std::string> leaves;
                add_leaves(*row, "", leaves);
                for (const std::string& leaf : leaves) {
                    if (std::ranges::find(columns, leaf) == columns.end()) {
                        columns.push_back(leaf);
                    }
                }
            }
        }
        std::vector<std::vector<std::string>> cells;
        if (format != OutputFormat::raw && columns != heading && !columns.empty()) {
            heading = columns;
            widths.assign(columns.size(), 0);
            cells.push_back(columns);
        }
        for (const Json* row : rows) {
            auto& line = cells.emplace_back();
            for (const std::string& column : columns) {
                line.push_back(text_of(value_of(document, list, *row, column)));
            }
        }
        return format == OutputFormat::table ? aligned(std::move(cells)) : separated(cells);
    }

    std::string separated(const std::vector<std::vector<std::string>>& rows) const {
        std::string out;
        for (const auto& row : rows) {
            for (std::size_t i = 0; i < row.size(); ++i) {
                out +=
                    (i > 0 ? "\t" : "") + (format == OutputFormat::tsv ? tsv_cell(row[i]) : row[i]);
            }
            out += "\n";
        }
        return out;
    }

    // Columns only grow: what was printed of a stream is printed.
    std::string aligned(std::vector<std::vector<std::string>> rows) {
        for (auto& row : rows) {
            for (std::size_t i = 0; i < row.size(); ++i) {
                row[i] = table_cell(std::move(row[i]));
                widths[i] = std::max(widths[i], row[i].size());
            }
        }
        std::string out;
        for (const auto& row : rows) {
            std::string line;
            for (std::size_t i = 0; i < row.size(); ++i) {
                line += row[i];
                line.append(widths[i] + 2 - row[i].size(), ' ');
            }
            out += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
        }
        return out;
    }

    static void copy(const Json* value, const Path& path, Json& to) {
        if (value == nullptr) {
            return;
        }
        Json* at = &to;
        for (std::size_t i = 0; i + 1 < path.size(); ++i) {
            at = &(*at)[path[i]];
        }
        (*at)[path.back()] = *value;
    }

    std::string show_json(const Json& document) const {
        Json out = Json::object();
        for (const char* name : {"schema", "ok"}) {
            copy(look_up(document, {name}), {name}, out);
        }
        const std::string list = list_in(document);
        for (const std::string& field : fields) {
            const Path path = split_path(field);
            copy(look_up(document, path), path, out);
        }
        if (!list.empty()) {
            Json rows = Json::array();
            for (const Json& row : document[list]) {
                Json& one = rows.emplace_back(Json::object());
                for (const std::string& field : fields) {
                    const Path path = in_row(split_path(field), list);
                    copy(look_up(row, path), path, one);
                }
            }
            out[list] = rows;
        }
        return out.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
    }
};

Presenter::Presenter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Presenter::~Presenter() = default;

tl::expected<std::shared_ptr<Presenter>, Failure>
Presenter::make(OutputFormat format, std::vector<std::string> fields, std::string_view notation) {
    auto impl = std::make_unique<Impl>();
    impl->format = format;
    impl->schema = Json::parse(make_schema("", notation))["anyOf"][0];
    std::string known;
    std::vector<const Json*> lists;
    for (const auto& [name, schema] : impl->schema["properties"].items()) {
        known += (known.empty() ? "" : ", ") + name;
        if (const Json* items = items_of(impl->schema, name)) {
            lists.push_back(items);
            for (const auto& [inner, ignored] : (*items)["properties"].items()) {
                known += ", " + name + "." + inner;
            }
        }
    }
    for (const std::string& field : fields) {
        Path path = split_path(field);
        Path rest(path.begin() + 1, path.end());
        const Json* named = items_of(impl->schema, path.front());
        const bool fits =
            allows(impl->schema, path) ||
            (named != nullptr && !rest.empty() && allows(*named, rest)) ||
            std::ranges::any_of(lists, [&path](const Json* list) { return allows(*list, path); });
        if (!fits) {
            return failure(ErrorId::usage, "--fields: the answer has no \"" + field + "\"",
                           "there are " + known);
        }
    }
    impl->fields = std::move(fields);
    return std::shared_ptr<Presenter>(new Presenter(std::move(impl)));
}

std::string Presenter::show(std::string_view documents) {
    std::string out;
    while (!documents.empty()) {
        const std::size_t end = std::min(documents.find('\n'), documents.size());
        const Json document = Json::parse(documents.substr(0, end), nullptr, false);
        if (document.is_object()) {
            out += impl_->format == OutputFormat::json ? impl_->show_json(document)
                                                       : impl_->show_rows(document);
        }
        documents.remove_prefix(std::min(end + 1, documents.size()));
    }
    return out;
}

} // namespace hp::cli
