# SPDX-License-Identifier: Apache-2.0
#
# Component Contract of the install step: headers, libraries, the CMake package HotPocket and the
# pkg-config modules hpcontract and hpcontract_testing. Everything may be moved after installation.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(HP_CONTRACT_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/HotPocket)

install(TARGETS hpcontract hpcontract_testing EXPORT HotPocketContract
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT Contract)
install(DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}/include/hp
    DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT Contract)
install(EXPORT HotPocketContract NAMESPACE hp:: FILE HotPocketContractTargets.cmake
    DESTINATION ${HP_CONTRACT_CMAKE_DIR} COMPONENT Contract)

configure_package_config_file(
    ${CMAKE_CURRENT_SOURCE_DIR}/cmake/HotPocketConfig.cmake.in
    ${CMAKE_CURRENT_BINARY_DIR}/HotPocketConfig.cmake
    INSTALL_DESTINATION ${HP_CONTRACT_CMAKE_DIR}
    NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/HotPocketConfigVersion.cmake
    VERSION ${hpcontract_VERSION} COMPATIBILITY SameMinorVersion)
install(FILES
    ${CMAKE_CURRENT_BINARY_DIR}/HotPocketConfig.cmake
    ${CMAKE_CURRENT_BINARY_DIR}/HotPocketConfigVersion.cmake
    ${CMAKE_CURRENT_SOURCE_DIR}/cmake/HotPocketContract.cmake
    DESTINATION ${HP_CONTRACT_CMAKE_DIR} COMPONENT Contract)

# The same package in the build folder, beside the programs in bin/, so that an hpdev that was not
# installed finds it where an installed one does.
set(HP_BUILD_PACKAGE_DIR ${CMAKE_BINARY_DIR}/lib/cmake/HotPocket)
export(EXPORT HotPocketContract NAMESPACE hp::
    FILE ${HP_BUILD_PACKAGE_DIR}/HotPocketContractTargets.cmake)
configure_package_config_file(
    ${CMAKE_CURRENT_SOURCE_DIR}/cmake/HotPocketConfig.cmake.in
    ${HP_BUILD_PACKAGE_DIR}/HotPocketConfig.cmake
    INSTALL_DESTINATION lib/cmake/HotPocket
    INSTALL_PREFIX ${CMAKE_BINARY_DIR}
    NO_SET_AND_CHECK_MACRO)
configure_file(${CMAKE_CURRENT_BINARY_DIR}/HotPocketConfigVersion.cmake
    ${HP_BUILD_PACKAGE_DIR}/HotPocketConfigVersion.cmake COPYONLY)
configure_file(${CMAKE_CURRENT_SOURCE_DIR}/cmake/HotPocketContract.cmake
    ${HP_BUILD_PACKAGE_DIR}/HotPocketContract.cmake COPYONLY)

file(RELATIVE_PATH HP_PREFIX_FROM_PC /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
foreach(module hpcontract hpcontract_testing)
    configure_file(${CMAKE_CURRENT_SOURCE_DIR}/cmake/${module}.pc.in
        ${CMAKE_CURRENT_BINARY_DIR}/${module}.pc @ONLY)
    install(FILES ${CMAKE_CURRENT_BINARY_DIR}/${module}.pc
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT Contract)
endforeach()
