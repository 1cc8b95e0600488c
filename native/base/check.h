// VMTEST_CHECK: for our own mistakes only, never for anything that a guest or the host decides.
#pragma once

#include <cstdio>
#include <cstdlib>

#define VMTEST_CHECK(condition)                                                              \
  do {                                                                                       \
    if (!(condition)) [[unlikely]] {                                                         \
      std::fprintf(stderr, "%s:%d: broken invariant: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                          \
    }                                                                                        \
  } while (false)
