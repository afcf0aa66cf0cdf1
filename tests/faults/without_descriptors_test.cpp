// A process that runs out of descriptors while it connects: a TLS stream needs one, for the
// kernel's random numbers, for a moment. The limit is lowered to what is open, and raised again.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>

#include "support/live_transport_test.hpp"
#include "support/net/poll_now.hpp"

namespace havklo::io {
namespace {

// As many more descriptors as the process may still open, for as long as the object lives.
class FewDescriptors {
 public:
  explicit FewDescriptors(int more) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const int next = ::dup(STDIN_FILENO);  // the lowest that is free; none is free below it
    ::close(next);
    rlimit few = before_;
    few.rlim_cur = static_cast<rlim_t>(next + more);
    ::setrlimit(RLIMIT_NOFILE, &few);
  }
  ~FewDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  FewDescriptors(const FewDescriptors&) = delete;
  FewDescriptors& operator=(const FewDescriptors&) = delete;

 private:
  rlimit before_{};
};

class WithoutDescriptors : public TransportTest {
 protected:
  void SetUp() override {
#ifdef __SANITIZE_ADDRESS__
    GTEST_SKIP() << "UBSan, beside it, opens a pipe to look at an object";
#endif
    TransportTest::SetUp();
  }
  void expect_failed_attempt(ConnectionId id) {
    ASSERT_FALSE(seen_.seen.empty());
    const Recorder::Seen& last = seen_.seen.back();
    EXPECT_EQ(last.id, id);
    EXPECT_EQ(last.kind, Completion::Kind::closed);
    EXPECT_EQ(last.reason, Reason::tls_failed);
    EXPECT_EQ(last.os_error, EMFILE);
  }
  // Without a peer: the kernel opens TCP for a listener that nobody asks.
  void run_alone() {
    for (int round = 0; round < 200 && !seen_.closed(); ++round) {
      transport_->flush();
      if (poll_now(*transport_, seen_) == 0) transport_->park(Duration::milliseconds(5));
    }
  }
};
INSTANTIATE_TEST_SUITE_P(EveryWay, WithoutDescriptors,
                         testing::Values(Way{Network::io_uring, true}, Way{Network::sockets, true}),
                         name_of);

TEST_P(WithoutDescriptors, ATlsStreamThatCannotBeMadeIsAFailedAttempt) {
  {
    const FewDescriptors few(1);  // for the socket
    open();
    run_alone();
  }
  expect_failed_attempt(first_id);
  seen_ = {};
  static_cast<void>(listener_.accept());
  constexpr ConnectionId next_id{128};
  open(next_id);
  run([&] { return seen_.opened(); });
}

// Once a connection has ended, the stream of the next is made ahead.
TEST_P(WithoutDescriptors, WhatCouldNotBePreparedIsMadeWhenItIsNeeded) {
  open_and_wait();
  {
    const FewDescriptors few(0);
    transport_->close(first_id);
    for (int round = 0; round < 20; ++round) {
      transport_->flush();
      static_cast<void>(poll_now(*transport_, seen_));
    }
  }
  seen_ = {};
  peer_.reset();
  constexpr ConnectionId next_id{128};
  open(next_id);
  run([&] { return seen_.opened(); });
}

}  // namespace
}  // namespace havklo::io
