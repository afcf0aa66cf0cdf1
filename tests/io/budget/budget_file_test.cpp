// The file of a connect budget: shared by who maps it, remembered over restarts and boots, refused
// in one line when it is another's, and never the end of the process. Clocks are passed in.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <havklo/random.hpp>
#include <memory>
#include <string>
#include <vector>

#include "io/budget/budget_memory.hpp"
#include "io/budget/process_budgets.hpp"
#include "support/temporary_folder.hpp"

namespace havklo::io {
namespace {

using namespace havklo::literals;

constexpr ConnectBudgetSettings numbers{.attempts = 2, .window = 600_s};
constexpr Duration utc = Duration::seconds(1'750'000'000);
constexpr size_t head_bytes = 392;

// The id of a boot: 36 characters, as the kernel has them.
Boot boot_at(Instant now, char id = 'a', Duration utc_offset = utc) {
  Boot boot{.utc_offset = utc_offset, .now = now};
  boot.id.fill(id);
  return boot;
}

class BudgetFileTest : public testing::Test {
 protected:
  using Opened = std::expected<std::unique_ptr<BudgetMemory>, std::string>;
  Opened open(const Boot& boot, const ConnectBudgetSettings& with = numbers,
              std::string_view counts_for = "kraken.com") {
    return BudgetMemory::of_file(path_, with, counts_for, boot);
  }
  // A process that runs: it has opened the file.
  std::unique_ptr<SharedBudget> start(const Boot& boot) {
    auto memory = open(boot);
    EXPECT_TRUE(memory) << memory.error();
    if (!memory) return nullptr;
    return std::make_unique<SharedBudget>(std::move(*memory), numbers.window);
  }
  std::string refusal() {
    auto memory = open(boot_at(now_));
    return memory ? "" : memory.error();
  }
  std::string content() {
    std::ifstream file(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  // A new file: some file systems wait for the disk when an old one is written over.
  void write(const std::string& bytes) {
    std::filesystem::remove(path_);
    std::ofstream(path_, std::ios::binary) << bytes;
  }

  TemporaryFolder folder_;
  std::string path_ = folder_ / "budget";
  const Instant now_{5'000'000'000'000};
};

TEST_F(BudgetFileTest, TwoThatMapItShareTheirPlaces) {
  const auto one = start(boot_at(now_));
  const auto other = start(boot_at(now_ + 1_s));
  EXPECT_EQ(one->begin(0, now_), now_);
  EXPECT_EQ(other->begin(0, now_ + 1_s), now_ + 1_s);
  EXPECT_EQ(one->begin(0, now_ + 2_s), now_ + 600_s);
  EXPECT_EQ(other->free_from(now_ + 2_s, 1, now_ + 2_s), now_ + 601_s);
  EXPECT_EQ(other->begin(0, now_ + 600_s), now_ + 600_s);
}

TEST_F(BudgetFileTest, ARestartForgetsNothing) {
  for (int run = 0; run < 2; ++run) {
    const Instant at = now_ + Duration::seconds(run);
    EXPECT_EQ(start(boot_at(at))->begin(0, at), at);
  }
  EXPECT_EQ(start(boot_at(now_ + 2_s))->begin(0, now_ + 2_s), now_ + 600_s);
}

// At the start of a machine the wall clock is often set, after programs have begun.
TEST_F(BudgetFileTest, AWallClockThatIsSetMakesNoAttemptOlder) {
  const auto one = start(boot_at(now_));
  EXPECT_EQ(one->begin(0, now_), now_);
  EXPECT_EQ(one->begin(0, now_), now_);
  const auto later = start(boot_at(now_ + 1_s, 'a', utc + 3600_s));
  EXPECT_EQ(later->begin(0, now_ + 1_s), now_ + 600_s);
}

TEST_F(BudgetFileTest, AnotherBootGoesByTheWallClock) {
  {
    const auto one = start(boot_at(now_));
    EXPECT_EQ(one->begin(0, now_), now_);
    EXPECT_EQ(one->begin(0, now_ + 100_s), now_ + 100_s);
  }
  // Five minutes after the first attempt the machine runs for 20 s.
  const Instant now{20'000'000'000};
  const Duration offset = utc + (now_ + 300_s - now);
  const auto after = start(boot_at(now, 'b', offset));
  EXPECT_EQ(after->begin(0, now), now + 300_s);
  EXPECT_EQ(after->begin(0, now + 300_s), now + 300_s);
  EXPECT_EQ(start(boot_at(now + 301_s, 'b', offset))->begin(0, now + 301_s), now + 400_s);
}

TEST_F(BudgetFileTest, WhatAnotherBootLeftInTheFutureIsCutToNow) {
  {
    const auto one = start(boot_at(now_));
    EXPECT_EQ(one->begin(0, now_), now_);
    EXPECT_EQ(one->begin(0, now_), now_);
  }
  const auto after = start(boot_at(now_, 'b', utc - 86'400_s));  // a clock that lost a day
  EXPECT_EQ(after->begin(0, now_), now_ + 600_s);
}

TEST_F(BudgetFileTest, IsForItsOwnerAlone) {
  const mode_t before = ::umask(0);
  static_cast<void>(start(boot_at(now_)));
  ::umask(before);
  struct stat status {};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0600U);
  EXPECT_EQ(status.st_nlink, 1U);
  size_t files = 0;
  for (const auto& each : std::filesystem::directory_iterator(folder_.path())) {
    files += each.exists() ? 1 : 0;
  }
  EXPECT_EQ(files, 1U) << "a draft was left";
}

TEST_F(BudgetFileTest, HasTheBytesThatItsPageSays) {
  const auto one = start(boot_at(now_));
  EXPECT_EQ(one->begin(0, now_), now_);
  const std::string bytes = content();
  ASSERT_EQ(bytes.size(), head_bytes + 2 * 8);
  const auto number = [&bytes]<class T>(size_t at, T) {
    T value{};
    std::memcpy(&value, bytes.data() + at, sizeof value);
    return value;
  };
  EXPECT_EQ(bytes.substr(0, 8), "HVKBUDG1");
  EXPECT_EQ(number(8, uint32_t{}), 2U);
  EXPECT_EQ(number(16, int64_t{}), numbers.window.ns);
  EXPECT_EQ(number(24, int64_t{}), utc.ns);
  EXPECT_EQ(bytes.substr(32, 36), std::string(36, 'a'));
  EXPECT_EQ(bytes.substr(72, 11), std::string("kraken.com\0", 11));
  EXPECT_EQ(number(head_bytes, int64_t{}), (now_ + utc).ns);
  EXPECT_EQ(number(head_bytes + 8, int64_t{}), std::numeric_limits<int64_t>::min());
}

TEST_F(BudgetFileTest, WithOtherNumbersItIsRefused) {
  static_cast<void>(start(boot_at(now_)));
  const auto other = open(boot_at(now_), {.attempts = 3, .window = 600_s});
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error(),
            "the budget file '" + path_ +
                "' was made with connect_budget = 2, connect_budget_window = 600000ms, not "
                "connect_budget = 3, connect_budget_window = 600000ms: set the same, or remove it");
  EXPECT_FALSE(open(boot_at(now_), {.attempts = 2, .window = 601_s}));
}

TEST_F(BudgetFileTest, ForAnotherVenueItIsRefused) {
  static_cast<void>(start(boot_at(now_)));
  const auto other = open(boot_at(now_), numbers, "kraken.com from 192.0.2.1");
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error(), "the budget file '" + path_ +
                               "' counts attempts to kraken.com, not to kraken.com from 192.0.2.1: "
                               "give each its own");
}

TEST_F(BudgetFileTest, WhatIsNoneIsRefusedAndLeftAsItIs) {
  write("");
  EXPECT_EQ(refusal(), "the budget file '" + path_ +
                           "' is no budget file, or one that was cut short: remove it");
  const std::string letter(1000, 'x');
  write(letter);
  EXPECT_EQ(refusal(),
            "the budget file '" + path_ + "' is no budget file of this version: name another path");
  EXPECT_EQ(content(), letter);
  std::filesystem::remove(path_);
  std::filesystem::create_directory(path_);
  EXPECT_NE(refusal().find("cannot open the budget file"), std::string::npos) << refusal();
  std::filesystem::remove(path_);
  std::filesystem::create_symlink(folder_ / "elsewhere", path_);
  EXPECT_NE(refusal().find("cannot open the budget file"), std::string::npos) << refusal();
  EXPECT_FALSE(std::filesystem::exists(folder_ / "elsewhere"));
  std::filesystem::remove(path_);
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  EXPECT_NE(refusal().find("is no file"), std::string::npos) << refusal();
  path_ = folder_ / "missing/budget";
  EXPECT_EQ(refusal(), "cannot make the budget file '" + path_ + "': No such file or directory");
}

TEST_F(BudgetFileTest, OneThatIsHeldByAnotherIsWaitedForAndThenRefused) {
  static_cast<void>(start(boot_at(now_)));
  const int file = ::open(path_.c_str(), O_RDONLY);
  ASSERT_EQ(::flock(file, LOCK_EX), 0);
  EXPECT_NE(refusal().find("is held by another process"), std::string::npos) << refusal();
  ::close(file);
  EXPECT_EQ(refusal(), "");
}

// As a disk leaves it, or a stranger: it is refused in one line or it serves, and what it serves
// with makes nobody wait longer than a window.
TEST_F(BudgetFileTest, ADamagedOneIsRefusedOrServes) {
  {
    const auto one = start(boot_at(now_));
    EXPECT_EQ(one->begin(0, now_), now_);
  }
  const std::string whole = content();
  int served = 0;
  int refused = 0;
  for (uint64_t seed = 1; seed <= 1500; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    std::string bytes = whole;
    const uint64_t how = random.below(4);
    if (how == 0) bytes.resize(random.below(bytes.size()));
    if (how == 1) bytes.append(1 + random.below(100), '\0');
    // In the slots half of the time: the head, which is longer, has a checksum.
    const size_t from = random.below(2) == 0 ? 0 : head_bytes;
    for (uint64_t count = how < 2 ? 0 : 1 + random.below(8); count != 0; --count) {
      if (bytes.size() <= from) break;
      bytes[from + random.below(bytes.size() - from)] = static_cast<char>(random.next_u64());
    }
    write(bytes);
    const Boot boot = boot_at(now_ + 1_s, random.below(4) == 0 ? 'b' : 'a');
    auto memory = open(boot);
    if (!memory) {
      ++refused;
      EXPECT_NE(memory.error().find(path_), std::string::npos);
      EXPECT_EQ(memory.error().find('\n'), std::string::npos);
      continue;
    }
    ++served;
    EXPECT_TRUE(bytes.size() == whole.size());
    EXPECT_EQ(bytes.substr(0, head_bytes), whole.substr(0, head_bytes));
    SharedBudget budget(std::move(*memory), numbers.window);
    const Instant now = now_ + 1_s;
    const Instant free = budget.begin(0, now);
    EXPECT_GE(free, now);
    EXPECT_LE(free, now + numbers.window + 1_s);
    EXPECT_LE(budget.free_from(now, 1, now), now + numbers.window + 1_s);
  }
  EXPECT_GT(served, 100);
  EXPECT_GT(refused, 100);
}

// To touch what is no longer there would end the process.
TEST_F(BudgetFileTest, OneThatIsCutShortMeanwhileHoldsNobodyUp) {
  const auto one = start(boot_at(now_));
  EXPECT_EQ(one->begin(0, now_), now_);
  EXPECT_EQ(one->begin(0, now_), now_);
  ASSERT_EQ(::truncate(path_.c_str(), 0), 0);
  EXPECT_EQ(one->begin(0, now_), now_);
  EXPECT_EQ(one->free_from(now_ + 1_s, 0, now_), now_ + 1_s);
}

TEST_F(BudgetFileTest, TheBootOfThisMachineIsKnown) {
  const auto one = Boot::read();
  const auto other = Boot::read();
  ASSERT_TRUE(one) << one.error();
  EXPECT_EQ(one->id, other->id);
  EXPECT_EQ(one->id[8], '-');
  EXPECT_GE(other->now, one->now);
}

}  // namespace
}  // namespace havklo::io
