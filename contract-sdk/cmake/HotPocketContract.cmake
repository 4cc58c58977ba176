# SPDX-License-Identifier: Apache-2.0
#
# hp_add_contract(<name> <sources...>): an executable on hp::contract. It carries all it needs, so
# that it starts fast and runs on any node, whatever is installed there. HP_CONTRACT_STATIC OFF
# makes an ordinary executable instead.
function(hp_add_contract name)
    add_executable(${name} ${ARGN})
    target_link_libraries(${name} PRIVATE hp::contract)
    set_target_properties(${name} PROPERTIES CXX_EXTENSIONS OFF)
    if(TARGET hp_warnings) # inside the HotPocket source tree
        target_link_libraries(${name} PRIVATE hp_warnings)
    endif()
    if(HP_CONTRACT_STATIC)
        target_link_options(${name} PRIVATE -static)
    endif()
endfunction()
