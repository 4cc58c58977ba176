# SPDX-License-Identifier: Apache-2.0
# hp_precompile(TARGET): what nearly every file includes is compiled once. A third of a build from
# scratch would go into reading those headers again and again. Files still include what they use:
# the presets for release and clang build without this.
option(HP_PRECOMPILE "Compile common standard headers once" OFF)
set(HP_COMMON_HEADERS <algorithm> <array> <charconv> <chrono> <deque> <filesystem> <fstream>
    <functional> <map> <memory> <optional> <set> <span> <sstream> <string> <string_view> <variant>
    <vector>)
if(HP_PRECOMPILE)
    file(GENERATE OUTPUT ${CMAKE_BINARY_DIR}/hp_precompiled.cpp CONTENT "int main() {}\n")
    # Libraries share one, test programs another: they are compiled with other options.
    add_library(hp_precompiled_library OBJECT ${CMAKE_BINARY_DIR}/hp_precompiled.cpp)
    target_precompile_headers(hp_precompiled_library PRIVATE ${HP_COMMON_HEADERS})
    add_executable(hp_precompiled_test ${CMAKE_BINARY_DIR}/hp_precompiled.cpp)
    target_precompile_headers(hp_precompiled_test PRIVATE ${HP_COMMON_HEADERS} <catch2/catch.hpp>)
    foreach(kind library test)
        target_link_libraries(hp_precompiled_${kind} PRIVATE hp_warnings)
    endforeach()
endif()

function(hp_precompile target)
    get_target_property(type ${target} TYPE)
    if(HP_PRECOMPILE AND type STREQUAL "EXECUTABLE")
        target_precompile_headers(${target} REUSE_FROM hp_precompiled_test)
    elseif(HP_PRECOMPILE)
        target_precompile_headers(${target} REUSE_FROM hp_precompiled_library)
    endif()
endfunction()
