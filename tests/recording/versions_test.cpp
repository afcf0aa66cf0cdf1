// The version rule of replay/recording/FORMAT.md: recordings of every format, as the build of its
// time wrote them, replay with this one.
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>

#include "replay/playback/player.hpp"
#include "replay/recording/reader.hpp"

namespace havklo {
namespace {

// A line of tests/recordings/MANIFEST.tsv.
struct Kept {
  std::string file;
  std::string format;
  std::string build;
  uint64_t turns = 0;
  uint64_t events = 0;
  std::string digest;
  std::string sha256;
};

std::string folder() { return std::string(HAVKLO_SOURCE_DIR) + "/tests/recordings/"; }

std::vector<Kept> kept_recordings() {
  std::vector<Kept> all;
  std::ifstream manifest(folder() + "MANIFEST.tsv");
  for (std::string line; std::getline(manifest, line);) {
    if (line.starts_with('#')) continue;
    std::istringstream fields(line);
    Kept kept;
    fields >> kept.file >> kept.format >> kept.build >> kept.turns >> kept.events >> kept.digest;
    kept.sha256 = line.substr(line.rfind('\t') + 1);
    all.push_back(kept);
  }
  return all;
}

std::string sha256_of(const std::string& path) {
  const std::unique_ptr<FILE, int (*)(FILE*)> output(
      ::popen(("sha256sum <'" + path + "'").c_str(), "r"), &::pclose);
  std::array<char, 65> digits{};
  if (output == nullptr || std::fgets(digits.data(), digits.size(), output.get()) == nullptr) {
    return "sha256sum says nothing";
  }
  return digits.data();
}

TEST(RecordingVersions, EachKeptRecordingHasTheBytesThatItsBuildWrote) {
  for (const Kept& kept : kept_recordings()) {
    EXPECT_EQ(sha256_of(folder() + kept.file), kept.sha256) << kept.file;
  }
}

TEST(RecordingVersions, EachKeptRecordingReplaysWithThisBuild) {
  const std::vector<Kept> all = kept_recordings();
  ASSERT_FALSE(all.empty());
  for (const Kept& kept : all) {
    auto reader = replay::Reader::open(folder() + kept.file);
    ASSERT_TRUE(reader) << reader.error();
    EXPECT_EQ(reader->header().build, kept.build);
    EXPECT_EQ(std::to_string(reader->header().format), kept.format);
    replay::Player player(std::move(*reader));
    const replay::PlayResult result = player.run();
    EXPECT_TRUE(result.identical()) << kept.file;
    EXPECT_EQ(result.torn, "") << kept.file;
    EXPECT_EQ(result.turns, kept.turns) << kept.file;
    EXPECT_EQ(result.events, kept.events) << kept.file;
  }
}

}  // namespace
}  // namespace havklo
