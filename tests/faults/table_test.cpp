// The table of README.md names every test of this folder, and nothing that is none.
#include <gtest/gtest.h>

#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <string>

namespace havklo {
namespace {

// As they stand in the source, without what a parameter adds.
std::set<std::string> tests_of_this_program() {
  std::set<std::string> names;
  const testing::UnitTest& all = *testing::UnitTest::GetInstance();
  for (int i = 0; i < all.total_test_suite_count(); ++i) {
    const testing::TestSuite& suite = *all.GetTestSuite(i);
    const std::string name = suite.name();
    for (int j = 0; j < suite.total_test_count(); ++j) {
      const std::string test = suite.GetTestInfo(j)->name();
      names.insert(name.substr(name.find('/') + 1) + "." + test.substr(0, test.find('/')));
    }
  }
  return names;
}

std::set<std::string> tests_of_the_table(const std::string& text) {
  std::set<std::string> names;
  std::istringstream lines(text);
  const std::regex name("`([A-Z]\\w*\\.[A-Z]\\w*)`");
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("| ")) continue;
    for (std::sregex_iterator each(line.begin(), line.end(), name), end; each != end; ++each) {
      names.insert((*each)[1]);
    }
  }
  return names;
}

TEST(TableOfFaults, AndTestsAgree) {
  std::ifstream file(HAVKLO_SOURCE_DIR "/tests/faults/README.md");
  std::stringstream text;
  text << file.rdbuf();
  const std::set<std::string> told = tests_of_the_table(text.str());
  const std::set<std::string> there = tests_of_this_program();
  ASSERT_GT(there.size(), 40u);
  for (const std::string& each : there) EXPECT_TRUE(told.contains(each)) << each << " has no row";
  // What other rooms test stands in the table after "elsewhere"; that it exists, the pages' own
  // check sees.
  const std::string elsewhere = text.str().substr(text.str().find("## Elsewhere"));
  const std::set<std::string> others = tests_of_the_table(elsewhere);
  for (const std::string& each : told) {
    EXPECT_TRUE(there.contains(each) || others.contains(each)) << each << " is no test here";
  }
}

}  // namespace
}  // namespace havklo
