// Files written by a thread of our own, where there is no io_uring: what a recorder needs of them.
#include "io/threads/thread_files.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "support/temporary_folder.hpp"

namespace havklo {
namespace {

using io::ThreadFiles;

int32_t result_of(ThreadFiles& files) {
  for (int i = 0; i < 4000; ++i) {
    if (const auto done = files.take_done()) return done->result;
    files.wait_done();
  }
  ADD_FAILURE() << "nothing was done";
  return 0;
}

TEST(ThreadFiles, MakesAFileOnceForItsOwnerAndSeesWhetherItIsThere) {
  const TemporaryFolder folder;
  const auto files = ThreadFiles::create({}).value();
  const std::string path = folder / "night.hvk.1";
  files->open_file(path.c_str(), 1, false);
  const int file = result_of(*files);
  ASSERT_GE(file, 0);
  EXPECT_EQ(std::filesystem::status(path).permissions(), std::filesystem::perms(0600));
  files->open_file(path.c_str(), 1, false);
  EXPECT_EQ(result_of(*files), -EEXIST);
  const std::string link = folder / "link";
  std::filesystem::create_symlink("nowhere", link);
  files->open_file(link.c_str(), 1, false);
  EXPECT_EQ(result_of(*files), -EEXIST);
  std::filesystem::resize_file(path, 100);
  files->look_for(file, 100, 2);
  EXPECT_EQ(result_of(*files), 1);
  files->look_for(file, 101, 2);
  EXPECT_EQ(result_of(*files), 0);
  std::filesystem::remove(path);
  files->look_for(file, 100, 2);
  EXPECT_EQ(result_of(*files), 0);
  ::close(file);
}

// SIGXFSZ, which nobody expects, would end us.
TEST(ThreadFiles, TheLimitOnTheSizeOfFilesIsAnErrorAndNoSignal) {
  const TemporaryFolder folder;
  const auto files = ThreadFiles::create({}).value();
  const int file = ::open((folder / "f").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  ASSERT_GE(file, 0);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small{.rlim_cur = 1000, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const std::vector<std::byte> block(100);
  files->write_file(file, 2000, block, 1, false);
  const int32_t result = result_of(*files);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_EQ(result, -EFBIG);
  ::close(file);
}

}  // namespace
}  // namespace havklo
