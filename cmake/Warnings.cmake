# SPDX-License-Identifier: Apache-2.0
# hp_warnings: what every target of ours is compiled with. Third-party headers are SYSTEM.
add_library(hp_warnings INTERFACE)
target_compile_options(hp_warnings INTERFACE
    -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wold-style-cast -Wnon-virtual-dtor
    -Wimplicit-fallthrough -Woverloaded-virtual
    $<$<BOOL:${HP_WERROR}>:-Werror>)
target_compile_definitions(hp_warnings INTERFACE _GLIBCXX_ASSERTIONS)

# Hardening for optimised builds; sanitizers bring their own checks.
if(NOT HP_SANITIZE)
    target_compile_options(hp_warnings INTERFACE
        $<$<CONFIG:Release,RelWithDebInfo>:-fstack-protector-strong -fcf-protection
        -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2>)
    add_link_options($<$<CONFIG:Release,RelWithDebInfo>:-Wl,-z,relro,-z,now>)
endif()
