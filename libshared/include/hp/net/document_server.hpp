// SPDX-License-Identifier: Apache-2.0
// Answers whoever connects to a listening local socket with one document, and closes: no request is
// read, so there is none to get wrong. A reader that is slow or silent holds up nobody.
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

    // Connections that are being answered are cut.
    ~DocumentServer();
    DocumentServer(const DocumentServer&) = delete;
    DocumentServer& operator=(const DocumentServer&) = delete;

private:
    class Acceptor;
    std::shared_ptr<Acceptor> acceptor_;
};

} // namespace hp::net
