# SPDX-License-Identifier: Apache-2.0
#
# Component Client of the install step: the shared library, its headers, the CMake package HotPocket
# (shared with the contract SDK) and the pkg-config module hpclient. Everything may be moved after
# installation.
include(GNUInstallDirs)

set(HP_CLIENT_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/HotPocket)
install(TARGETS hpshared
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT Client)
foreach(part base client crypto net proto)
    install(DIRECTORY ${CMAKE_SOURCE_DIR}/libshared/include/hp/${part}
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/hp COMPONENT Client)
endforeach()

file(RELATIVE_PATH HP_PREFIX_FROM_CMAKE /${HP_CLIENT_CMAKE_DIR} /)
file(RELATIVE_PATH HP_PREFIX_FROM_PC /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(${CMAKE_SOURCE_DIR}/libshared/cmake/HotPocketClient.cmake.in
    ${CMAKE_BINARY_DIR}/libshared/HotPocketClient.cmake @ONLY)
configure_file(${CMAKE_SOURCE_DIR}/libshared/cmake/hpclient.pc.in
    ${CMAKE_BINARY_DIR}/libshared/hpclient.pc @ONLY)
install(FILES
    ${CMAKE_BINARY_DIR}/libshared/HotPocketClient.cmake
    ${CMAKE_BINARY_DIR}/contract-sdk/HotPocketConfig.cmake
    ${CMAKE_BINARY_DIR}/contract-sdk/HotPocketConfigVersion.cmake
    DESTINATION ${HP_CLIENT_CMAKE_DIR} COMPONENT Client)
install(FILES ${CMAKE_BINARY_DIR}/libshared/hpclient.pc
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT Client)
