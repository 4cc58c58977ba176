// SPDX-License-Identifier: Apache-2.0
// Answers whoever connects to a listening local socket with one document, and closes. Without a
// request to read there is none to get wrong; where one is needed it is a line. Who is slow or
// silent holds up nobody.
// Reactor thread only.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "hp/net/reactor.hpp"
#include "hp/os/fd.hpp"

namespace hp::net {

class DocumentServer {
public:
    // `listening`: a non-blocking stream socket (os::listen_local). `make_document` is called for
    // each connection. The reactor must outlive this object.
    DocumentServer(Reactor& reactor, os::Fd listening, std::function<std::string()> make_document);

    // The same for an answer to one line of at most `request_bytes_max`; the newline is not part of
    // what `answer` gets. A longer or unfinished line gets no answer.
    DocumentServer(Reactor& reactor, os::Fd listening, std::size_t request_bytes_max,
                   std::function<std::string(const std::string& request)> answer);

    // Connections that are being answered are cut.
    ~DocumentServer();
    DocumentServer(const DocumentServer&) = delete;
    DocumentServer& operator=(const DocumentServer&) = delete;

private:
    class Acceptor;
    std::shared_ptr<Acceptor> acceptor_;
};

} // namespace hp::net
