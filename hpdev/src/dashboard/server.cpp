// SPDX-License-Identifier: Apache-2.0
#include "dashboard/server.hpp"

#include "project/embedded.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <httplib.h>
#include <nlohmann/json.hpp>
#include <sodium.h>
#include <sys/socket.h>
#include <thread>

namespace hp::dev {
namespace {

using httplib::Request;
using httplib::Response;

constexpr std::size_t streams_max = 16;
constexpr std::size_t other_threads = 8;
constexpr time_t keep_alive_s = 1; // an idle connection keeps stop() waiting
constexpr std::int64_t heartbeat_ms = 10'000;
constexpr std::uint16_t first_port = 7878;
constexpr std::uint16_t ports_tried = 100;
constexpr std::size_t request_bytes_max = 1 << 20;

constexpr const char* page_policy = "default-src 'none'; script-src 'self'; style-src 'self'; "
                                    "connect-src 'self'; img-src 'self' data:; base-uri 'none'; "
                                    "form-action 'none'; frame-ancestors 'none'";

const char* type_of(std::string_view name) {
    if (name.ends_with(".js")) {
        return "text/javascript; charset=utf-8";
    }
    return name.ends_with(".css") ? "text/css; charset=utf-8" : "text/html; charset=utf-8";
}

void refuse(Response& response, int status, const std::string& message) {
    response.status = status;
    const Json out = {{"ok", false}, {"error", {{"message", message}}}};
    response.set_content(dump_json(out), "application/json");
}

bool same_text(const std::string& a, const std::string& b) {
    return a.size() == b.size() && sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

// An argument from the page is a value, never an option.
bool is_value(const std::string& text) {
    return !text.empty() && text.size() <= 4096 && text.front() != '-';
}

std::string text_of(const Json& object, const char* name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

std::string encode_event(const FeedEvent& event) {
    return "id: " + std::to_string(event.id) + "\nevent: " + event.topic + "\ndata: " + event.json +
           "\n\n";
}

} // namespace

struct DashboardServer::Impl {
    Impl(Feed& the_feed, RunTool the_tool, std::string the_token)
        : feed(the_feed), run_tool(std::move(the_tool)), token(std::move(the_token)) {}

    void add_routes();
    bool is_local(const Request& request) const;
    void answer_tool(Response& response, const std::string& tool, std::vector<std::string> words);
    void get_state(const Request& request, Response& response);
    void post_node(const Json& body, Response& response);
    void post_chaos(const Json& body, Response& response);
    void post_send(const Json& body, Response& response);
    void stream(const Request& request, Response& response);
    void on_post(const char* path, void (Impl::*handle)(const Json&, Response&));

    Feed& feed;
    RunTool run_tool;
    const std::string token;
    httplib::Server http;
    std::string host; // "127.0.0.1:7878"
    std::atomic<std::size_t> streams = 0;
    std::thread thread;
};

// A page elsewhere may send requests here by a name that it made point to this machine; then Host
// is that name. Its own address is in Origin.
bool DashboardServer::Impl::is_local(const Request& request) const {
    const std::string port = host.substr(host.find(':'));
    const std::array<std::string, 2> names = {host, "localhost" + port};
    const auto ours = [&names](const std::string& name) {
        return std::ranges::find(names, name) != names.end();
    };
    const std::string origin = request.get_header_value("Origin");
    return ours(request.get_header_value("Host")) &&
           (origin.empty() || (origin.starts_with("http://") && ours(origin.substr(7))));
}

void DashboardServer::Impl::answer_tool(Response& response, const std::string& tool,
                                        std::vector<std::string> words) {
    words.insert(std::ranges::find(words, "--"), "--json"); // what follows that is text
    const ToolAnswer answer = run_tool(tool, words);
    response.status = answer.exit_code == 0 ? 200 : 422;
    response.set_content(answer.json, "application/json");
}

// /api/1/state?node=1&path=dir : a folder's entries, or with &cat=1 a file's content.
void DashboardServer::Impl::get_state(const Request& request, Response& response) {
    const std::string node = request.get_param_value("node");
    const std::string path = request.get_param_value("path");
    if (!is_value(node) || (!path.empty() && !is_value(path))) {
        refuse(response, 400, "node and path are expected");
        return;
    }
    const char* verb = request.has_param("cat") ? "cat" : "ls";
    std::vector<std::string> words = {"state", verb, node};
    if (!path.empty()) {
        words.push_back(path);
    }
    answer_tool(response, "hpdev", std::move(words));
}

void DashboardServer::Impl::post_node(const Json& body, Response& response) {
    constexpr std::array verbs = {"start", "stop", "restart", "pause", "resume", "kill"};
    const std::string verb = text_of(body, "verb");
    const std::string node = text_of(body, "node");
    if (std::ranges::find(verbs, verb) == verbs.end() || !is_value(node)) {
        refuse(response, 400, "verb (start, stop, restart, pause, resume, kill) and node");
        return;
    }
    answer_tool(response, "hpdev", {"node", verb, node, "--yes"});
}

// {"args":["link","1-2","--latency","120ms"]}: what follows `hpdev chaos`.
void DashboardServer::Impl::post_chaos(const Json& body, Response& response) {
    constexpr std::array verbs = {"link", "partition", "heal", "kill", "pause",
                                  "disk", "contract",  "list", "clear"};
    const auto args = body.find("args");
    if (args == body.end() || !args->is_array() || args->empty() || args->size() > 32 ||
        !std::ranges::all_of(*args, [](const Json& item) { return item.is_string(); }) ||
        std::ranges::find(verbs, args->front().get<std::string>()) == verbs.end()) {
        refuse(response, 400, "args: what follows hpdev chaos");
        return;
    }
    std::vector<std::string> words = {"chaos"};
    for (const Json& item : *args) {
        words.push_back(item.get<std::string>());
    }
    words.emplace_back("--yes");
    answer_tool(response, "hpdev", std::move(words));
}

void DashboardServer::Impl::post_send(const Json& body, Response& response) {
    const std::string user = text_of(body, "as");
    const std::string text = text_of(body, "text");
    const bool read = body.value("read", false);
    if (!is_value(user) || text.empty()) {
        refuse(response, 400, "as and text are expected");
        return;
    }
    answer_tool(response, "hpcli", {read ? "read" : "send", "-k", user, "--text", "--", text});
}

// Ends when the reader has gone, or the server stops.
void DashboardServer::Impl::stream(const Request& request, Response& response) {
    if (streams.fetch_add(1) >= streams_max) {
        --streams;
        refuse(response, 503, "too many pages are open; close one");
        return;
    }
    const std::string last = request.get_header_value("Last-Event-ID");
    auto seen = std::make_shared<std::uint64_t>(std::strtoull(last.c_str(), nullptr, 10));
    if (*seen > feed.last_id()) {
        *seen = 0; // of an earlier server
    }
    response.set_chunked_content_provider(
        "text/event-stream",
        [this, seen](std::size_t, httplib::DataSink& sink) {
            const auto events = feed.after(*seen, heartbeat_ms);
            if (feed.stopped()) {
                sink.done();
                return true;
            }
            std::string text = events.empty() ? ": still here\n\n" : "";
            for (const FeedEvent& event : events) {
                text += encode_event(event);
                *seen = event.id;
            }
            return sink.write(text.data(), text.size());
        },
        [this](bool) { --streams; });
}

void DashboardServer::Impl::on_post(const char* path,
                                    void (Impl::*handle)(const Json&, Response&)) {
    http.Post(path, [this, handle](const Request& request, Response& response) {
        const auto body = parse_object(request.body);
        if (!body) {
            refuse(response, 400, "the body is no JSON object");
            return;
        }
        (this->*handle)(*body, response);
    });
}

void DashboardServer::Impl::add_routes() {
    http.set_pre_routing_handler([this](const Request& request, Response& response) {
        using Result = httplib::Server::HandlerResponse;
        response.set_header("Cache-Control", "no-store");
        response.set_header("X-Content-Type-Options", "nosniff");
        if (!is_local(request)) {
            refuse(response, 403, "only pages of this server may ask");
            return Result::Handled;
        }
        const bool open = request.method == "GET" &&
                          (request.path == "/" || request.path == "/app.js" ||
                           request.path == "/style.css" || request.path == "/favicon.ico");
        if (!open && !same_text(request.get_header_value("X-HP-Token"), token)) {
            refuse(response, 401,
                   "the token is missing or wrong: open the URL that "
                   "\"hpdev open --print\" shows");
            return Result::Handled;
        }
        return Result::Unhandled;
    });
    for (const EmbeddedFile& file : embedded_page()) {
        const std::string path = file.path == "index.html" ? "/" : "/" + std::string(file.path);
        http.Get(path, [file](const Request&, Response& response) {
            response.set_header("Content-Security-Policy", page_policy);
            response.set_content(file.content.data(), file.content.size(), type_of(file.path));
        });
    }
    http.Get("/favicon.ico", [](const Request&, Response& response) { response.status = 204; });
    http.Get("/events",
             [this](const Request& request, Response& response) { stream(request, response); });
    const auto tool = [this](const char* path, std::vector<std::string> words) {
        http.Get(path, [this, words = std::move(words)](const Request&, Response& response) {
            answer_tool(response, "hpdev", words);
        });
    };
    tool("/api/1/nodes", {"ps"});
    tool("/api/1/diff", {"diff"});
    tool("/api/1/chaos", {"chaos", "list"});
    http.Get(R"(/api/1/ledger/(\d+|lcl))", [this](const Request& request, Response& response) {
        answer_tool(response, "hpcli",
                    {"ledger", "get", request.matches[1].str(), "--inputs", "--outputs"});
    });
    http.Get("/api/1/state",
             [this](const Request& request, Response& response) { get_state(request, response); });
    on_post("/api/1/node", &Impl::post_node);
    on_post("/api/1/chaos", &Impl::post_chaos);
    on_post("/api/1/send", &Impl::post_send);
}

DashboardServer::DashboardServer(Feed& feed, RunTool run_tool, std::string token)
    : impl_(std::make_unique<Impl>(feed, std::move(run_tool), std::move(token))) {
    impl_->http.new_task_queue = [] {
        return new httplib::ThreadPool(streams_max + other_threads); // owned by the library
    };
    impl_->http.set_payload_max_length(request_bytes_max);
    impl_->http.set_tcp_nodelay(true);
    // The library's own choice lets several servers share a port: pages would get any of them.
    impl_->http.set_socket_options([](socket_t socket) {
        const int yes = 1;
        ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    });
    impl_->http.set_keep_alive_timeout(keep_alive_s);
    impl_->add_routes();
}

DashboardServer::~DashboardServer() {
    stop();
}

Expected<std::string> DashboardServer::start(std::uint16_t port) {
    const std::uint16_t from = port == 0 ? first_port : port;
    const std::uint16_t count = port == 0 ? ports_tried : 1;
    for (std::uint16_t i = 0; i < count; ++i) {
        const int candidate = from + i;
        if (impl_->http.bind_to_port("127.0.0.1", candidate)) {
            impl_->host = "127.0.0.1:" + std::to_string(candidate);
            impl_->thread = std::thread([this] { impl_->http.listen_after_bind(); });
            return "http://" + impl_->host + "/#k=" + impl_->token;
        }
    }
    return cli::failure(cli::ErrorId::port_taken, "cannot listen on port " + std::to_string(from),
                        "name another --port");
}

void DashboardServer::stop() {
    impl_->feed.stop();
    impl_->http.stop();
    if (impl_->thread.joinable()) {
        impl_->thread.join();
    }
}

} // namespace hp::dev
