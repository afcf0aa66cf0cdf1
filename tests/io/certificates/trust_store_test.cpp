// Where trusted certificates are read from: whatever lies at a path that somebody named, it is an
// answer in one line, and none that is waited for.
#include "io/certificates/trust_store.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "io/tls/certificate_authority.hpp"
#include "support/temporary_folder.hpp"

namespace havklo::io {
namespace {

std::string refusal_of(const std::string& path) {
  const auto store = TrustStore::from(path);
  return store ? "" : store.error();
}

TEST(TrustStore, AFifoThatNobodyWritesToIsEmpty) {
  const TemporaryFolder folder;
  const std::string path = folder / "fifo";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(refusal_of(path), "the CA file '" + path + "' is empty: it must hold PEM certificates");
}

TEST(TrustStore, WhatComesByAPipeIsRead) {  // --ca-file <(cat root.pem)
  const CertificateAuthority authority = CertificateAuthority::make().value();
  const std::string& pem = authority.certificate_pem();
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  std::thread writes([&] {
    ASSERT_EQ(::write(ends[1], pem.data(), pem.size()), static_cast<ssize_t>(pem.size()));
    ::close(ends[1]);
  });
  const auto store = TrustStore::from("/proc/self/fd/" + std::to_string(ends[0]));
  writes.join();
  ::close(ends[0]);
  ASSERT_TRUE(store) << store.error();
  EXPECT_EQ(store->certificates().size(), 1U);
}

TEST(TrustStore, WhatIsLongerThanAnyStoreIsRefused) {
  const TemporaryFolder folder;
  const std::string path = folder / "long.pem";
  std::ofstream(path) << "";
  std::filesystem::resize_file(path, (16U << 20U) + 1);
  EXPECT_EQ(refusal_of(path), "cannot read the CA file '" + path + "': it is longer than 16 MB");
  EXPECT_NE(refusal_of("/dev/zero").find("longer than 16 MB"), std::string::npos);
}

TEST(TrustStore, WhatIsNotThereIsNamed) {
  EXPECT_EQ(refusal_of("/nowhere/root.pem"),
            "cannot read the CA file '/nowhere/root.pem': No such file or directory");
}

}  // namespace
}  // namespace havklo::io
