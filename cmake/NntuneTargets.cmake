# How every target of this project is built.
set(NNTUNE_SANITIZE OFF CACHE STRING "Sanitizers to build with: address (and undefined behaviour), thread, or OFF")
option(NNTUNE_WERROR "Treat warnings as errors" ON)

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

# An installed nntune finds LLVM where it was found now.
set(CMAKE_INSTALL_RPATH_USE_LINK_PATH ON)

find_program(NNTUNE_CCACHE ccache)
if(NNTUNE_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${NNTUNE_CCACHE}")
endif()
find_program(NNTUNE_MOLD mold)
if(NNTUNE_MOLD)
  add_link_options(-fuse-ld=mold)
endif()
if(NNTUNE_SANITIZE STREQUAL "address")
  set(sanitizers address,undefined)
elseif(NNTUNE_SANITIZE STREQUAL "thread")
  set(sanitizers thread)
elseif(NNTUNE_SANITIZE)
  message(FATAL_ERROR "NNTUNE_SANITIZE is ${NNTUNE_SANITIZE}: give address or thread; a build folder that has it must be removed")
endif()
if(NNTUNE_SANITIZE)
  add_compile_options(-fsanitize=${sanitizers} -fno-omit-frame-pointer
                      -Wno-maybe-uninitialized  # g++ 12 sees it in its own <regex> once that is instrumented
                      # No folder of this clone in what is compiled: ccache has it for the next one.
                      -ffile-prefix-map=${CMAKE_SOURCE_DIR}=.)
  add_link_options(-fsanitize=${sanitizers})
endif()
if(NNTUNE_SANITIZE STREQUAL "address")
  # Not the checks that double the compile time and find little here: ASan stops at a null pointer and outside of an object, and
  # no pointer is cast to a class that has virtual functions.
  add_compile_options(-fno-sanitize-recover=undefined -fno-sanitize=null,object-size,vptr)
elseif(NNTUNE_SANITIZE STREQUAL "thread")
  add_compile_options(-Wno-tsan)  # it does not see fences; where this project relies on one, tests/tsan.supp says so
endif()

add_library(nntune_options INTERFACE)
target_compile_options(nntune_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor
                                                -Wswitch-enum  # no default: answers for a kind that it does not know
                                                $<$<BOOL:${NNTUNE_WERROR}>:-Werror>)
target_include_directories(nntune_options INTERFACE "${CMAKE_SOURCE_DIR}")

# nntune_add_library(NAME [DEPS ...]): every .cpp of the current folder as the static library nntune::NAME.
# DEPS lists only what the dependency arrows allow, so that a wrong include of a sibling's library fails to link.
function(nntune_add_library name)
  cmake_parse_arguments(ARG "" "" "DEPS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.cpp")
  set(target nntune_${name})
  if(sources)
    add_library(${target} STATIC ${sources})
    target_link_libraries(${target} PRIVATE nntune_options PUBLIC ${ARG_DEPS})
  else()
    add_library(${target} INTERFACE)
    target_link_libraries(${target} INTERFACE ${ARG_DEPS})
  endif()
  add_library(nntune::${name} ALIAS ${target})
endfunction()

# nntune_embed_texts(NAME FILES ...): makes files of the current folder part of nntune::NAME; page.css becomes the header
# page.css.h with the std::string_view kPageCss.
function(nntune_embed_texts name)
  foreach(file IN LISTS ARGN)
    string(REGEX REPLACE "[._]" ";" words "${file}")
    set(constant "k")
    foreach(word IN LISTS words)
      string(SUBSTRING "${word}" 0 1 first)
      string(SUBSTRING "${word}" 1 -1 rest)
      string(TOUPPER "${first}" first)
      string(APPEND constant "${first}${rest}")
    endforeach()
    set(header "${CMAKE_CURRENT_BINARY_DIR}/${file}.h")
    add_custom_command(OUTPUT "${header}"
      COMMAND "${CMAKE_COMMAND}" "-DINPUT=${CMAKE_CURRENT_SOURCE_DIR}/${file}" "-DOUTPUT=${header}" "-DNAME=${constant}"
              -P "${CMAKE_SOURCE_DIR}/cmake/EmbedText.cmake"
      DEPENDS "${file}" "${CMAKE_SOURCE_DIR}/cmake/EmbedText.cmake" VERBATIM)
    target_sources(nntune_${name} PRIVATE "${header}")
  endforeach()
  target_include_directories(nntune_${name} PRIVATE "${CMAKE_CURRENT_BINARY_DIR}")
endfunction()
