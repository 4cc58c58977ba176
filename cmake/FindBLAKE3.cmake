# SPDX-License-Identifier: Apache-2.0
# BLAKE3::blake3: an installed libblake3 where the distribution has one (Debian 13 and newer), else
# the official C sources that Debian 12's librust-blake3-dev installs, built with their assembly.
find_path(BLAKE3_INCLUDE_DIR blake3.h)
find_library(BLAKE3_LIBRARY blake3)
if(BLAKE3_INCLUDE_DIR AND BLAKE3_LIBRARY)
    if(NOT TARGET BLAKE3::blake3)
        add_library(BLAKE3::blake3 UNKNOWN IMPORTED)
        set_target_properties(BLAKE3::blake3 PROPERTIES
            IMPORTED_LOCATION ${BLAKE3_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES ${BLAKE3_INCLUDE_DIR})
    endif()
    set(BLAKE3_SOURCE_DIR ${BLAKE3_INCLUDE_DIR})
else()
    file(GLOB candidates /usr/share/cargo/registry/blake3-*/c/blake3.c)
    if(candidates)
        list(GET candidates -1 source)
        get_filename_component(BLAKE3_SOURCE_DIR ${source} DIRECTORY)
    endif()
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(BLAKE3
    REQUIRED_VARS BLAKE3_SOURCE_DIR
    REASON_FAILURE_MESSAGE "install librust-blake3-dev (Debian 12) or libblake3-dev")

if(BLAKE3_FOUND AND NOT TARGET BLAKE3::blake3)
    set(dir ${BLAKE3_SOURCE_DIR})
    add_library(hp_blake3 STATIC ${dir}/blake3.c ${dir}/blake3_dispatch.c ${dir}/blake3_portable.c)
    if(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
        target_sources(hp_blake3 PRIVATE
            ${dir}/blake3_sse2_x86-64_unix.S ${dir}/blake3_sse41_x86-64_unix.S
            ${dir}/blake3_avx2_x86-64_unix.S ${dir}/blake3_avx512_x86-64_unix.S)
    elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
        target_sources(hp_blake3 PRIVATE ${dir}/blake3_neon.c)
        target_compile_definitions(hp_blake3 PRIVATE BLAKE3_USE_NEON=1)
    endif()
    target_include_directories(hp_blake3 SYSTEM PUBLIC ${dir})
    add_library(BLAKE3::blake3 ALIAS hp_blake3)
endif()
