// Checks of our own impossible states, on in every build.
//
// HAVKLO_ASSERT is for what only a bug of ours can break: it prints one line and aborts. Nothing
// that a peer sends, a user configures or a disk does may reach one; those have errors of their
// own. HAVKLO_VERIFY is the same for checks that cost O(n): compiled in only with
// HAVKLO_SLOW_CHECKS.
#pragma once

namespace havklo::detail {
[[noreturn]] void assertion_failed(const char* condition, const char* file, int line) noexcept;
}  // namespace havklo::detail

#define HAVKLO_ASSERT(condition)                     \
  (__builtin_expect(static_cast<bool>(condition), 1) \
       ? static_cast<void>(0)                        \
       : ::havklo::detail::assertion_failed(#condition, __FILE__, __LINE__))

#ifdef HAVKLO_SLOW_CHECKS
#define HAVKLO_VERIFY(condition) HAVKLO_ASSERT(condition)
#else
#define HAVKLO_VERIFY(condition) static_cast<void>(0)
#endif
