# SPDX-License-Identifier: Apache-2.0
if(HP_SANITIZE)
    add_compile_options(-fsanitize=${HP_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
    add_link_options(-fsanitize=${HP_SANITIZE})
    # Contracts are linked statically in normal builds, which sanitizer runtimes do not support.
    set(HP_CONTRACT_STATIC OFF CACHE BOOL "" FORCE)
endif()
if(HP_FUZZ)
    # Coverage for the fuzzer in everything; only the fuzz targets link its main().
    add_compile_options(-fsanitize=fuzzer-no-link)
    add_link_options(-fsanitize=fuzzer-no-link)
endif()
