// Every input of corpus/ is judged again by its target: what the fuzzer kept because it reached
// something, and what once broke something. One test an input: NAME.FILE.
#include <gtest/gtest.h>

#include <algorithm>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "fuzz/target.hpp"

namespace havklo::fuzz {
namespace {

namespace files = std::filesystem;
const files::path corpus = files::path(HAVKLO_SOURCE_DIR) / "tests/fuzz/corpus";

class Corpus : public testing::Test {
 public:
  Corpus(files::path file, Judge judge) : file_(std::move(file)), judge_(judge) {}
  void TestBody() override {
    std::ifstream stream(file_, std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(stream)), {});
    // Memory of its own size, so that a sanitizer sees who reads behind it.
    const std::vector<uint8_t> bytes(text.begin(), text.end());
    try {
      judge_(bytes);
    } catch (const NotHere& lacks) {
      GTEST_SKIP() << lacks.what();
    } catch (const std::exception& error) {
      ADD_FAILURE() << file_ << ": " << error.what();
    }
  }

 private:
  files::path file_;
  Judge judge_;
};

void register_inputs(const std::string& name, Judge judge) {
  std::vector<files::path> inputs;
  for (const auto& entry : files::directory_iterator(corpus / name)) inputs.push_back(entry.path());
  std::ranges::sort(inputs);
  for (const files::path& input : inputs) {
    testing::RegisterTest(name.c_str(), input.stem().c_str(), nullptr, nullptr, __FILE__, __LINE__,
                          [input, judge]() -> Corpus* { return new Corpus(input, judge); });
  }
}

// A folder that no target reads, or a target without inputs, would be tested by nobody.
TEST(Fuzz, EachTargetHasACorpusAndEachCorpusATarget) {
  std::vector<std::string> folders;
  for (const auto& entry : files::directory_iterator(corpus)) {
    folders.push_back(entry.path().filename());
    EXPECT_FALSE(files::is_empty(entry.path())) << entry.path();
  }
  std::vector<std::string> names;
  for (const auto& [name, judge] : targets()) names.push_back(name);
  std::ranges::sort(folders);
  std::ranges::sort(names);
  EXPECT_EQ(folders, names);
}

}  // namespace
}  // namespace havklo::fuzz

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  for (const auto& [name, judge] : havklo::fuzz::targets()) {
    if (std::filesystem::exists(havklo::fuzz::corpus / name)) {
      havklo::fuzz::register_inputs(name, judge);
    }
  }
  return RUN_ALL_TESTS();
}
