// The version is one: in the header, in CMake, in what the program says, and on the first pages.
#include <gtest/gtest.h>

#include <fstream>
#include <havklo/version.hpp>
#include <iterator>
#include <string>

#include "support/command_line.hpp"

namespace havklo {
namespace {

std::string page(const std::string& name) {
  std::ifstream file(HAVKLO_SOURCE_DIR "/" + name);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

TEST(Version, OfTheHeaderIsThatOfTheProject) {
  EXPECT_STREQ(HAVKLO_VERSION, HAVKLO_PROJECT_VERSION);
}

TEST(Version, IsTheSameInEveryForm) {
  EXPECT_EQ(version_string, HAVKLO_VERSION);
  EXPECT_EQ(version_string, std::to_string(version_major) + "." + std::to_string(version_minor) +
                                "." + std::to_string(version_patch));
  EXPECT_EQ(version_number, version_major * 10'000 + version_minor * 100 + version_patch);
#if HAVKLO_VERSION_NUMBER < 100
  FAIL() << "what #if sees is not in the order of releases";
#endif
}

TEST(Version, IsWhatTheProgramSays) {
  const Said said = havklo_says({"--version"});
  EXPECT_EQ(said.exit_code, 0);
  EXPECT_TRUE(said.out.starts_with("havklo " HAVKLO_VERSION " ")) << said.out;
}

TEST(Version, IsWhatTheFirstPagesSay) {
  EXPECT_NE(page("README.md").find("| " HAVKLO_VERSION ","), std::string::npos);
  EXPECT_NE(page(".github/RELEASE_NOTES.md").find("(" HAVKLO_VERSION ")"), std::string::npos);
}

}  // namespace
}  // namespace havklo
