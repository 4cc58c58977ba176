// SPDX-License-Identifier: Apache-2.0
#include "cli/trust.hpp"

#include "cli/output.hpp"
#include "cli/server_address.hpp"
#include "hp/client/rfc3339.hpp"

#include <algorithm>

namespace hp::cli {
namespace {

std::optional<Pin> decode_pin(const std::string& url, const Json& json) {
    if (!json.is_object()) {
        return std::nullopt;
    }
    const auto key = parse_public_key_hex(text_member(json, "key").value_or(""));
    if (!key) {
        return std::nullopt;
    }
    Pin out{url,
            *key,
            text_member(json, "certificate_sha256").value_or(""),
            text_member(json, "contract_id").value_or(""),
            {},
            text_member(json, "added").value_or("")};
    for (const std::string& text : list_member(json, "unl")) {
        const auto member = parse_public_key_hex(text);
        if (!member) {
            return std::nullopt;
        }
        out.unl.push_back(*member);
    }
    return out;
}

Json encode_pin(const Pin& pin) {
    Json out = Json::object();
    out["key"] = pin.key.hex();
    out["certificate_sha256"] = pin.certificate_sha256;
    out["contract_id"] = pin.contract_id;
    Json unl = Json::array();
    for (const PublicKey& key : pin.unl) {
        unl.push_back(key.hex());
    }
    out["unl"] = unl;
    out["added"] = pin.added;
    return out;
}

Json& servers_of(Json& file) {
    Json& out = file["servers"];
    if (!out.is_object()) {
        out = Json::object();
    }
    return out;
}

} // namespace

tl::expected<std::vector<Pin>, Failure> load_pins() {
    auto file = load_user_file(trust_file);
    if (!file) {
        return tl::unexpected(std::move(file.error()));
    }
    std::vector<Pin> out;
    for (const auto& [url, json] : servers_of(*file).items()) {
        const auto pin = decode_pin(url, json);
        if (!pin) { // never silently without protection
            return failure(ErrorId::bad_file, "the pin of " + url + " is damaged",
                           "hpcli trust rm " + url);
        }
        out.push_back(*pin);
    }
    std::ranges::sort(out, {}, &Pin::url);
    return out;
}

tl::expected<void, Failure> store_pin(const Pin& pin) {
    return change_user_file(trust_file, [&pin](Json& file) -> tl::expected<void, Failure> {
        servers_of(file)[pin.url] = encode_pin(pin);
        return {};
    });
}

tl::expected<bool, Failure> remove_pin(const std::string& url) {
    bool was_there = false;
    auto done = change_user_file(trust_file, [&](Json& file) -> tl::expected<void, Failure> {
        was_there = servers_of(file).erase(url) > 0;
        return {};
    });
    return done ? tl::expected<bool, Failure>(was_there) : tl::unexpected(std::move(done.error()));
}

Pin make_pin(const std::string& url, const client::ServerInfo& server) {
    return {url,
            server.key,
            server.certificate_sha256,
            server.contract_id,
            server.unl,
            client::rfc3339(SystemClock().now().wall_ms)};
}

tl::expected<std::optional<Pin>, Failure> pin_for(const Args& args, const std::string& url) {
    if (args.connection.pin == PinMode::off) {
        return std::optional<Pin>();
    }
    auto pins = load_pins();
    if (!pins) {
        return tl::unexpected(std::move(pins.error()));
    }
    const auto found = std::ranges::find(*pins, url, &Pin::url);
    if (found != pins->end()) {
        return std::optional(*found);
    }
    if (args.connection.pin == PinMode::known) {
        return failure(ErrorId::untrusted_server, url + " is not a known server",
                       "hpcli trust pin " + url);
    }
    return std::optional<Pin>();
}

void note_server(const Args& args, const std::string& url, const client::ServerInfo& server,
                 const std::optional<Pin>& pin) {
    const PinMode mode = args.connection.pin;
    // Servers on this machine are not behind a network that could be tampered with.
    const bool remember =
        mode == PinMode::first_use ||
        (mode == PinMode::automatic && (!is_loopback(url) || !args.connection.proxy.empty()));
    std::string note;
    if (!pin && remember) {
        const auto stored = store_pin(make_pin(url, server));
        note = stored ? "remembering " + url + " with key " + server.key.hex()
                      : "cannot remember " + url + ": " + stored.error().message;
    } else if (pin && pin->unl != server.unl) {
        note = url + " names other validators than before; outputs are still checked against "
                     "the old ones (hpcli trust check)";
    }
    if (!note.empty() && !args.quiet) {
        write_note(note_head(args) + note + "\n");
    }
}

} // namespace hp::cli
