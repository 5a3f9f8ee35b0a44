# The runtime for other programs: libnntune.so with the C API of nntune.h, and how CMake and pkg-config find it once installed.
include(CMakePackageConfigHelpers)

set(version_script "${CMAKE_CURRENT_SOURCE_DIR}/libnntune.map")
add_library(nntune_shared SHARED $<TARGET_OBJECTS:nntune_runtime>)
add_library(nntune::nntune ALIAS nntune_shared)
# Before 1.0 a minor version may change the interface, so that its number is part of the name programs are linked with.
set(soversion ${PROJECT_VERSION_MAJOR})
if(PROJECT_VERSION_MAJOR EQUAL 0)
  set(soversion ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
endif()
set_target_properties(nntune_shared PROPERTIES
  OUTPUT_NAME nntune EXPORT_NAME nntune VERSION ${PROJECT_VERSION} SOVERSION ${soversion} LINKER_LANGUAGE CXX
  LINK_DEPENDS "${version_script}" PUBLIC_HEADER "${CMAKE_CURRENT_SOURCE_DIR}/nntune.h")
# Only the C functions are visible: the C++ inside must not meet that of the program it is loaded into.
target_link_options(nntune_shared PRIVATE "LINKER:--version-script=${version_script}")
target_link_libraries(nntune_shared PRIVATE nntune::base)
target_include_directories(nntune_shared INTERFACE "$<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}>"
                                                   "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/nntune")
install(TARGETS nntune_shared EXPORT nntuneTargets
        LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}" PUBLIC_HEADER DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(EXPORT nntuneTargets NAMESPACE nntune:: DESTINATION "${package_dir}")

configure_package_config_file("${CMAKE_SOURCE_DIR}/cmake/nntuneConfig.cmake.in" nntuneConfig.cmake
                              INSTALL_DESTINATION "${package_dir}")
if(PROJECT_VERSION_MAJOR EQUAL 0)
  write_basic_package_version_file(nntuneConfigVersion.cmake COMPATIBILITY SameMinorVersion)
else()
  write_basic_package_version_file(nntuneConfigVersion.cmake COMPATIBILITY SameMajorVersion)
endif()
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/nntuneConfig.cmake" "${CMAKE_CURRENT_BINARY_DIR}/nntuneConfigVersion.cmake"
        DESTINATION "${package_dir}")

# The prefix is where the file lies, so that the installed tree may be moved; folders outside of it are named as they are.
if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
  set(pc_prefix "${CMAKE_INSTALL_PREFIX}")
  set(pc_libdir "${CMAKE_INSTALL_LIBDIR}")
else()
  file(RELATIVE_PATH up "/prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/prefix")
  string(REGEX REPLACE "/$" "" up "${up}")
  set(pc_prefix "\${pcfiledir}/${up}")
  set(pc_libdir "\${prefix}/${CMAKE_INSTALL_LIBDIR}")
endif()
if(IS_ABSOLUTE "${CMAKE_INSTALL_INCLUDEDIR}")
  set(pc_includedir "${CMAKE_INSTALL_INCLUDEDIR}")
else()
  set(pc_includedir "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
endif()
configure_file("${CMAKE_SOURCE_DIR}/cmake/nntune.pc.in" nntune.pc @ONLY)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/nntune.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")

install(DIRECTORY "${CMAKE_SOURCE_DIR}/examples" DESTINATION "${CMAKE_INSTALL_DOCDIR}")
