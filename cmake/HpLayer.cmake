# SPDX-License-Identifier: Apache-2.0
# hp_add_layer(NAME DIR dir [HEADERS dir] [DEPS layers...] [LIBS external...])
#
# One architectural layer: the .cpp files of DIR as an object library that sees the layers in DEPS
# and nothing else. scripts/check_layers.py checks the includes as well.
function(hp_add_layer name)
    cmake_parse_arguments(LAYER "" "DIR;HEADERS" "DEPS;LIBS" ${ARGN})
    file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${LAYER_DIR}/*.cpp)
    add_library(${name} OBJECT ${sources})
    target_include_directories(${name} PUBLIC ${LAYER_HEADERS})
    target_link_libraries(${name} PUBLIC ${LAYER_DEPS} PRIVATE ${LAYER_LIBS} hp_warnings)
    hp_precompile(${name})
    hp_join(${name})
endfunction()
