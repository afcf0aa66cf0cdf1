// Which Havklo these headers are, for code that is to build with more than one.
//
//   #if HAVKLO_VERSION_NUMBER >= 200  // 0.2.0
//
// The numbers are written here and nowhere else: CMakeLists.txt reads them for project(VERSION);
// `havklo --version`, recordings and the upgrade's User-Agent print them. While the first is 0, any
// other may change names and formats: the release notes say which. A recording's format has a
// number of its own.
#pragma once

#include <cstdint>
#include <string_view>

#define HAVKLO_VERSION_MAJOR 0
#define HAVKLO_VERSION_MINOR 1
#define HAVKLO_VERSION_PATCH 0

// 10,203 is 1.2.3: for #if, in the order of releases.
#define HAVKLO_VERSION_NUMBER \
  (HAVKLO_VERSION_MAJOR * 10'000 + HAVKLO_VERSION_MINOR * 100 + HAVKLO_VERSION_PATCH)

// "1.2.3"
#define HAVKLO_VERSION                         \
  HAVKLO_VERSION_TEXT_OF(HAVKLO_VERSION_MAJOR) \
  "." HAVKLO_VERSION_TEXT_OF(HAVKLO_VERSION_MINOR) "." HAVKLO_VERSION_TEXT_OF(HAVKLO_VERSION_PATCH)
#define HAVKLO_VERSION_TEXT_OF(number) HAVKLO_VERSION_TEXT_OF_WORD(number)
#define HAVKLO_VERSION_TEXT_OF_WORD(word) #word

namespace havklo {

inline constexpr uint32_t version_major = HAVKLO_VERSION_MAJOR;
inline constexpr uint32_t version_minor = HAVKLO_VERSION_MINOR;
inline constexpr uint32_t version_patch = HAVKLO_VERSION_PATCH;
inline constexpr uint32_t version_number = HAVKLO_VERSION_NUMBER;
inline constexpr std::string_view version_string = HAVKLO_VERSION;
static_assert(version_minor < 100 && version_patch < 100, "version_number has two digits for each");

}  // namespace havklo
