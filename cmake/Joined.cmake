# SPDX-License-Identifier: Apache-2.0
# hp_join(TARGET): the files of a target are compiled several at a time, as one. Most of what a
# compiler does for one of our files is to read headers and to generate the same inline functions
# as for the next one. Names in the anonymous namespaces of such a target differ, then; a clash
# does not compile. The presets for release, clang and sanitizers build each file by itself.
option(HP_JOIN "Compile several files of a target as one" OFF)
set(HP_FILES_JOINED 6) # more save little, and a changed file compiles all it is joined with

function(hp_join target)
    if(HP_JOIN)
        set_target_properties(${target} PROPERTIES
            UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE ${HP_FILES_JOINED})
        # g++ takes a file that is joined for a header, in which such types would be a mistake.
        target_compile_options(${target} PRIVATE -Wno-subobject-linkage)
    endif()
endfunction()
