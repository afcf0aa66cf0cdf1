// Looking at a recording that a stranger sent: no connection is opened, no program started, nothing
// removed. The kernel forbids it (seccomp), and all goes well.
#include <gtest/gtest.h>
#include <sys/syscall.h>

#include <cerrno>
#include <string>
#include <vector>

#include "faults/failing_calls.hpp"
#include "support/command_line.hpp"

namespace havklo {
namespace {

constexpr std::initializer_list<int> calls_that_reach_out = {
    __NR_socket, __NR_connect,  __NR_io_uring_setup, __NR_execve, __NR_fork,
    __NR_vfork,  __NR_unlinkat, __NR_unlink,         __NR_rename, __NR_mkdir};

class Looking : public testing::TestWithParam<std::vector<std::string>> {};

TEST_P(Looking, ReachesNothingBeyondTheFile) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer's own calls would fail too";
#endif
  std::vector<std::string> words = GetParam();
  words.insert(words.begin() + 1,
               std::string(HAVKLO_SOURCE_DIR) + "/tests/recordings/format-5.hvk");
  Said said;
  testing::internal::CaptureStdout();
  const bool filtered =
      run_refused(calls_that_reach_out, EPERM, [&] { said.exit_code = run_havklo(words); });
  said.out = testing::internal::GetCapturedStdout();
  ASSERT_TRUE(filtered);
  EXPECT_EQ(said.exit_code, 0);
  EXPECT_FALSE(said.out.empty());
}
INSTANTIATE_TEST_SUITE_P(By, Looking,
                         testing::Values(std::vector<std::string>{"inspect"},
                                         std::vector<std::string>{"inspect", "--json"},
                                         std::vector<std::string>{"replay"},
                                         std::vector<std::string>{"replay", "--verify"},
                                         std::vector<std::string>{"replay", "--format", "jsonl"}));

}  // namespace
}  // namespace havklo
