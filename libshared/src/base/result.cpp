// SPDX-License-Identifier: Apache-2.0
#include "hp/base/result.hpp"

#include <cerrno>
#include <system_error>

namespace hp {

std::string_view to_string(Errc code) {
    switch (code) {
    case Errc::invalid:
        return "invalid";
    case Errc::too_large:
        return "too_large";
    case Errc::not_found:
        return "not_found";
    case Errc::exists:
        return "exists";
    case Errc::denied:
        return "denied";
    case Errc::io:
        return "io";
    case Errc::no_space:
        return "no_space";
    case Errc::corrupt:
        return "corrupt";
    case Errc::timeout:
        return "timeout";
    case Errc::closed:
        return "closed";
    case Errc::unavailable:
        return "unavailable";
    case Errc::unsupported:
        return "unsupported";
    }
    return "unknown";
}

std::string errno_text(int number) {
    return std::generic_category().message(number);
}

Error errno_error(std::string_view doing, int number) {
    Errc code = Errc::io;
    if (number == ENOSPC || number == EDQUOT) {
        code = Errc::no_space;
    } else if (number == ENOENT || number == ENOTDIR) {
        code = Errc::not_found;
    } else if (number == EACCES || number == EPERM || number == EROFS) {
        code = Errc::denied;
    } else if (number == EEXIST) {
        code = Errc::exists;
    }
    return Error{code, std::string(doing) + ": " + errno_text(number)};
}

} // namespace hp
