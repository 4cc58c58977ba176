# SPDX-License-Identifier: Apache-2.0
#
# hp_embed_files(<target> <symbol> FILES <path>=<file>...): compiles files into a target, as
# <symbol>_table (path, content, size) and <symbol>_count. The assembler reads the files itself, so
# that big ones cost no time; nothing of the machine's paths gets into the program.
function(hp_embed_files target symbol)
    cmake_parse_arguments(EMBED "" "" "FILES" ${ARGN})
    set(table "")
    set(data "")
    set(sources "")
    set(index 0)
    list(SORT EMBED_FILES)
    foreach(item IN LISTS EMBED_FILES)
        string(REGEX MATCH "^([^=]+)=(.+)$" fits "${item}")
        string(APPEND table "    .quad ${symbol}_p${index}, ${symbol}_f${index}, "
            "${symbol}_e${index} - ${symbol}_f${index}\n")
        string(APPEND data "${symbol}_p${index}: .asciz \"${CMAKE_MATCH_1}\"\n"
            "${symbol}_f${index}: .incbin \"${CMAKE_MATCH_2}\"\n"
            "${symbol}_e${index}: .byte 0\n")
        list(APPEND sources ${CMAKE_MATCH_2})
        math(EXPR index "${index} + 1")
    endforeach()
    set(file ${CMAKE_CURRENT_BINARY_DIR}/${symbol}.S)
    file(CONFIGURE OUTPUT ${file} @ONLY CONTENT "    .section .data.rel.ro, \"aw\"
    .balign 8
    .global ${symbol}_table
${symbol}_table:
${table}    .quad 0
    .global ${symbol}_count
${symbol}_count:
    .quad ${index}
    .section .rodata
${data}    .section .note.GNU-stack, \"\", %progbits
")
    set_source_files_properties(${file} PROPERTIES OBJECT_DEPENDS "${sources}")
    target_sources(${target} PRIVATE ${file})
endfunction()
