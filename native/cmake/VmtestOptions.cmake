# Flags that every target shares, as one INTERFACE target. Warnings are errors: code with warnings
# does not land. Exceptions and RTTI are off: errors are vmtest::Result (base/result.h).
set(VMTEST_SANITIZE "" CACHE STRING "Sanitizers, as -fsanitize takes them")

add_library(vmtest_options INTERFACE)
target_include_directories(vmtest_options INTERFACE "${PROJECT_SOURCE_DIR}")
target_compile_options(vmtest_options INTERFACE
  -Wall -Wextra -Wpedantic -Werror -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor
  -Wno-missing-field-initializers -Wold-style-cast -Wcast-align -Woverloaded-virtual -Wnull-dereference -Wimplicit-fallthrough
  -fno-exceptions -fno-rtti -fvisibility=hidden -fstack-protector-strong)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 reports null dereferences inside libstdc++ and uninitialized members of std::variant
  # when it inlines; clang-tidy covers both.
  target_compile_options(vmtest_options INTERFACE -Wno-null-dereference -Wno-maybe-uninitialized)
endif()

if(CMAKE_BUILD_TYPE STREQUAL "Release")
  target_compile_definitions(vmtest_options INTERFACE _FORTIFY_SOURCE=2 _GLIBCXX_ASSERTIONS)
  target_compile_options(vmtest_options INTERFACE
    -fstack-clash-protection -ffunction-sections -fdata-sections)
  if(CMAKE_SYSTEM_PROCESSOR STREQUAL "aarch64")
    target_compile_options(vmtest_options INTERFACE -mbranch-protection=standard)
  else()
    target_compile_options(vmtest_options INTERFACE -fcf-protection=full)
  endif()
  target_link_options(vmtest_options INTERFACE -Wl,-z,relro,-z,now -Wl,--gc-sections)
endif()

if(VMTEST_SANITIZE)
  target_compile_options(vmtest_options INTERFACE
    "-fsanitize=${VMTEST_SANITIZE}" -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(vmtest_options INTERFACE "-fsanitize=${VMTEST_SANITIZE}")
  if(VMTEST_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # The thread sanitizer does not see fences. Those of the queues order accesses to guest memory, which
    # are all atomic or by the side that owns the bytes.
    target_compile_options(vmtest_options INTERFACE -Wno-tsan)
  endif()
endif()
